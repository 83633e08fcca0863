"""Studies: their graph, their records, the store, and the pipeline that chains everything."""
