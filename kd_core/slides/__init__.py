"""From an uploaded file to answers: a crop, a field of a blood smear, a film or a tiled slide.

bytes ──open_slide──► Slide ──find_cells──► cells ──crop_cells──► crops ──classify──► answers
                        └────tiles────► tiles ──────────────────────┘          │
                                                   counts, truth, overlay ◄────┘

Everything stays in memory; nothing of a file is written to disk, except where OpenSlide needs a
file, which is then private and removed with the slide.
"""
