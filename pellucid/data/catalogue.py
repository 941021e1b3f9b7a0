"""The data sets that go by a name: their files, classes, mirrors, and the digests that are known for certain.

MNIST's digests are of the files' content. Of the others those of the packed files are known, as two projects list
them independently and alike: TensorFlow Datasets (tensorflow_datasets/url_checksums: fashion_mnist.txt, kmnist.txt,
qmnist.txt, emnist.txt) and torchvision (torchvision/prototype/datasets/_builtin/mnist.py), for Fashion-MNIST also
Keras (keras/src/datasets/fashion_mnist.py). EMNIST's archive as NIST serves it is listed by TensorFlow Datasets; its
members have no digests of their own. Sizes and numbers of images are torchvision's, and the authors' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from string import ascii_uppercase, digits
from typing import Any

import numpy as np

from pellucid.data.idx import BYTES, INTEGERS

SAMPLE = "mnist-5k"
DIGITS = tuple(digits)


@dataclass(frozen=True)
class File:
    """A file as it was published, in IDX.

    Args:
        name: of the file, not packed.
        shape: of its array.
        sha256: of the content, where it is known for certain.
        packed_sha256: of the file with .gz, where that is known for certain.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str = ""
    packed_sha256: str = ""

    @property
    def dimensions(self) -> int:
        """3 for images, 1 for labels, 2 for labels with further columns."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers, as its name says."""
        return INTEGERS if self.name.endswith("-int") else BYTES

    @property
    def size(self) -> int:
        """Bytes, not packed."""
        return 4 + 4 * self.dimensions + self.dtype.itemsize * prod(self.shape)

    @property
    def packed_name(self) -> str:
        """Of the file as the mirrors have it."""
        return f"{self.name}.gz"

    @property
    def most(self) -> int:
        """Bytes that it may have when it is packed."""
        return self.size + 2**16


Files = tuple[File, File, File, File]  # training images and labels, test images and labels


@dataclass(frozen=True)
class Archive:
    """A zip file that holds the packed files of several sets.

    Args:
        packed_name: of the file.
        family: the folder in which its sets may lie together.
        prefix: before the names of its members.
        most: its bytes.
        packed_sha256: of the file.
    """

    packed_name: str
    family: str
    prefix: str
    most: int
    packed_sha256: str


@dataclass(frozen=True)
class Published:
    """A data set that was published, as four files.

    Args:
        name: by which it is asked for.
        classes: the names of its classes.
        files: of its training and test part.
        mirrors: addresses of the folders that hold the files with .gz, or the archive.
        torchvision: the folder that torchvision keeps it in.
        keras: the file or folder that Keras keeps it in.
        archive: holds the files, if they are not published one by one.
        turned: whether its images were published with rows and columns exchanged.
        first_label: the label of the first class.
    """

    name: str
    classes: tuple[str, ...]
    files: Files
    mirrors: tuple[str, ...]
    torchvision: str
    keras: str = ""
    archive: Archive | None = None
    turned: bool = False
    first_label: int = 0

    @property
    def certain(self) -> bool:
        """Whether its files are known by their content."""
        return all(file.sha256 for file in self.files)


NOTHING = ("", "", "", "")
MNISTS_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNISTS_SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))


def four(
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    sha256: Sequence[str] = NOTHING,
    packed_sha256: Sequence[str] = NOTHING,
) -> Files:
    """The four files of a set: training images and labels, test images and labels."""
    first, second, third, fourth = map(File, names, shapes, sha256, packed_sha256)
    return first, second, third, fourth


MNIST = Published(
    "mnist",
    DIGITS,
    four(
        MNISTS_NAMES,
        MNISTS_SHAPES,
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    torchvision="MNIST",
    keras="mnist.npz",
)

FASHION = Published(  # Xiao, Rasul, Vollgraf 2017
    "fashion-mnist",
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    four(
        MNISTS_NAMES,
        MNISTS_SHAPES,
        packed_sha256=(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    torchvision="FashionMNIST",
    keras="fashion-mnist",
)

KUZUSHIJI = Published(  # Clanuwat and others 2018: one character of each row of hiragana, in cursive writing of old
    "kmnist",
    ("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo"),
    four(
        MNISTS_NAMES,
        MNISTS_SHAPES,
        packed_sha256=(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
    ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
    torchvision="KMNIST",
)

QMNIST = Published(  # Yadav, Bottou 2019: the class is the first of eight columns, the others trace the writer
    "qmnist",
    DIGITS,
    four(
        (
            "qmnist-train-images-idx3-ubyte",
            "qmnist-train-labels-idx2-int",
            "qmnist-test-images-idx3-ubyte",
            "qmnist-test-labels-idx2-int",
        ),
        ((60_000, 28, 28), (60_000, 8), (60_000, 28, 28), (60_000, 8)),
        packed_sha256=(
            "9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
            "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
            "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
            "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
        ),
    ),
    ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
    torchvision="QMNIST",
)

EMNIST_ARCHIVE = Archive(
    "gzip.zip", "emnist", "gzip/", 561_753_746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"
)
MERGED = (*digits, *ascii_uppercase, *"abdefghnqrt")  # the other small letters look like their capitals


def _emnist(split: str, classes: tuple[str, ...], train: int, test: int, first_label: int = 0) -> Published:
    """One of EMNIST's six sets (Cohen, Afshar, Tapson, van Schaik 2017); names of classes as its mapping files say."""
    names = [
        f"emnist-{split}-{part}-{kind}-ubyte" for part in ("train", "test") for kind in ("images-idx3", "labels-idx1")
    ]
    return Published(
        f"emnist-{split}",
        classes,
        four(names, ((train, 28, 28), (train,), (test, 28, 28), (test,))),
        ("https://biometrics.nist.gov/cs_links/EMNIST/", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/"),
        torchvision="EMNIST",
        archive=EMNIST_ARCHIVE,
        turned=True,
        first_label=first_label,
    )


PUBLISHED = {
    published.name: published
    for published in (
        MNIST,
        FASHION,
        KUZUSHIJI,
        QMNIST,
        _emnist("balanced", MERGED, 112_800, 18_800),
        _emnist("byclass", (*digits, *ascii_uppercase, *ascii_uppercase.lower()), 697_932, 116_323),
        _emnist("bymerge", MERGED, 697_932, 116_323),
        _emnist("digits", DIGITS, 240_000, 40_000),
        _emnist("letters", tuple(ascii_uppercase), 124_800, 20_800, first_label=1),
        _emnist("mnist", DIGITS, 60_000, 10_000),
    )
}
NAMES = ("mnist", SAMPLE, *(name for name in PUBLISHED if name != "mnist"))
