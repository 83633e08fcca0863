"""What a TIFF's samples mean, and how they become grey or red, green and blue with 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import UploadError
from kd_core.slides.read_plain import eight_bits, over_black
from kd_core.text import Msg

Kind = Literal["grey", "colour", "palette", "cmyk"]

_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_DECODED_BY_CODEC = (6, 7, 34892, 33007)  # JPEG: its decoder gives red, green and blue
_ASSOCIATED, _STRAIGHT = 1, 2  # ExtraSamples: colour already multiplied by alpha, or not


@dataclass(frozen=True)
class Samples:
    """How the numbers of a page are to be read.

    Attributes:
        kind: What the samples are.
        bits: Bits of a sample.
        alpha: ``none``, ``straight`` or ``multiplied``.
        inverted: True where 0 is white.
        planar: True where each sample has a plane of its own.
        windowed: True where grey values need a window.
        colours: The palette, (3, n) uint16.
    """

    kind: Kind
    bits: int
    alpha: Literal["none", "straight", "multiplied"] = "none"
    inverted: bool = False
    planar: bool = False
    windowed: bool = False
    colours: NDArray[Any] | None = None

    @classmethod
    def of(cls, page: Any, name: str) -> Samples:
        """The reading of a page (a ``tifffile.TiffPage``).

        Raises:
            UploadError: ``slide_colour`` for colours that are not read.
        """
        photometric, n = int(page.photometric), int(page.samplesperpixel)
        colour = photometric == _RGB or (
            photometric == _YCBCR and int(page.compression) in _DECODED_BY_CODEC
        )
        kinds: dict[int, Kind] = {_WHITE_IS_0: "grey", _BLACK_IS_0: "grey"}
        kinds |= {_PALETTE: "palette", _CMYK: "cmyk"}
        kind = "colour" if colour else kinds.get(photometric)
        needed = {"grey": 1, "palette": 1, "colour": 3, "cmyk": 4}.get(kind or "", 99)
        deep = page.dtype.kind == "f" or page.dtype.itemsize > 1
        readable = page.dtype == np.uint16 if deep and kind != "grey" else True
        if kind is None or n < needed or not readable or page.dtype.kind not in "uifb":
            raise UploadError("slide_colour", name=name, colours=str(page.photometric.name), n=n)
        extra = tuple(int(value) for value in page.extrasamples or ())
        alpha = "straight" if extra[:1] == (_STRAIGHT,) else "none"
        return cls(
            kind=kind,
            bits=int(np.max(page.bitspersample)),
            alpha="multiplied" if extra[:1] == (_ASSOCIATED,) else alpha,  # type: ignore[arg-type]
            inverted=photometric == _WHITE_IS_0,
            planar=int(page.planarconfig) == 2 and n > 1,
            windowed=kind == "grey" and (deep or page.dtype.kind == "i"),
            colours=page.colormap,
        )

    @property
    def channels(self) -> int:
        """Channels of the picture."""
        return 1 if self.kind == "grey" and self.alpha != "straight" else 3

    def grey(self, values: NDArray[Any]) -> NDArray[Any]:
        """The grey samples of (H, W, n), (H, W, 1)."""
        return values[..., :1]

    def picture(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Samples (H, W, n) that need no window as uint8 (H, W, ``channels``)."""
        if self.kind == "palette":
            colours = np.asarray(self.colours)  # (3, n)
            return (colours[:, values[..., 0]] >> 8).astype(np.uint8).transpose(1, 2, 0)
        if self.kind == "cmyk":
            ink = 255 - eight_bits(values[..., :4]).astype(np.uint16)  # (H, W, 4)
            return ((ink[..., :3] * ink[..., 3:] + 127) // 255).astype(np.uint8)
        wanted = 1 if self.kind == "grey" else 3
        if self.bits < 8:  # one bit comes as bool, two and four as small numbers
            values = (values.astype(np.uint16) * (255 // (2**self.bits - 1))).astype(np.uint8)
        pixels = eight_bits(values[..., : wanted + (self.alpha == "straight")])
        if self.inverted:
            pixels = np.concatenate([255 - pixels[..., :1], pixels[..., 1:]], axis=2)
        return over_black(pixels)

    def notes(self) -> list[Msg]:
        """What was done to the colours."""
        found = []
        if self.kind in ("palette", "cmyk"):
            found.append(Msg(f"slide.note.{self.kind}"))
        if self.alpha != "none":
            found.append(Msg("slide.note.alpha"))
        if self.bits > 8 and not self.windowed:
            found.append(Msg("slide.note.deep_colour", {"bits": self.bits}))
        return found
