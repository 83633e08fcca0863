"""A checkpoint or ONNX file of a person: checked, kept among the uploads, named by hash."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import streamlit as st

from app.form import Form, read, write
from app.services import keep_file, upload_mb
from app.texts import say, show_error
from kd_core.data.uploads import safe_name
from kd_core.errors import KDLabError
from kd_core.export import check_onnx_file
from kd_core.models.state_files import read_tensors


def weights(form: Form, path: str) -> None:
    """Upload a checkpoint for the network at a path of the form."""
    upload = st.file_uploader(
        say("distil.weights.upload"),
        type=["safetensors", "pt", "pth"],
        key=f"own-{path}",
        max_upload_size=upload_mb(2000),
    )
    kept = read(form.document, f"{path}.weights.source")
    if upload is not None:
        try:
            kept = _keep(upload, read_tensors)
        except KDLabError as error:
            show_error(error)
    write(form.document, f"{path}.weights.source", kept)
    if kept:
        st.caption(say("distil.weights.kept", name=kept))


def onnx(form: Form) -> None:
    """Upload ONNX files that are evaluated beside the study's own models."""
    uploads = st.file_uploader(
        say("distil.onnx"),
        type=["onnx"],
        accept_multiple_files=True,
        key="own-onnx",
        help=say("distil.onnx.help"),
    )
    kept = list(read(form.document, "imported"))
    for upload in uploads or []:
        try:
            name = _keep(upload, check_onnx_file)
        except KDLabError as error:
            show_error(error)
            continue
        if name not in kept:
            kept.append(name)
    write(form.document, "imported", kept)


def _keep(upload: Any, check: Any) -> str:
    """Store an upload under a name with its hash, after its check; the name."""
    content = upload.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:10]
    path = Path(upload.name)
    name = f"{safe_name(path.stem)}-{digest}{path.suffix.lower()}"
    keep_file(name, content, check)
    return name
