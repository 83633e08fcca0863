"""Why a model answers as it does: where it looks, and whether it has seen the like of this image.

gradcam.py     from the gradients of a torch network, for one class an image
rise.py        from the answers to masked images alone, so from the ONNX file
occlusion.py   from the answers with one patch covered, from the ONNX file
maps.py        one colour scale for several maps, their difference, overlays
familiar.py    whether an upload looks like the training images
"""
