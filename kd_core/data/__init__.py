"""Where images come from, how they are split, kept, decoded and augmented.

draft(path) ──► Draft ──Library.add──► Dataset ──cache.load──► LoadedData ──augment_batch──►
"""
