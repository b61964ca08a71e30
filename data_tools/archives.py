"""Archives that are published with hashes: what is wanted is taken out of them, and nothing else."""

import hashlib
import tarfile
import zlib

from data_tools.atomic import replacing

CHUNK = 1 << 20


class ArchiveError(OSError):
    """An archive that does not hold what it should: which member, what was expected."""


def unpack(path, archive, directory):
    """Write the members of the tar file `path` that `archive` (sources.py) lists into `directory`.

    A member is looked for by its whole name, so none can be written elsewhere; it must be a file, as long as its hash
    says or short, and it is moved to its place only once it is whole. Raises ArchiveError.
    """
    wanted = {f"{archive.folder}/{file}": file for file in archive.members}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                file = wanted.pop(member.name.removeprefix("./"), None)
                if file is not None:
                    _write(tar, member, directory / file, archive.members[file], path)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{path} is damaged: {error}") from None
    if wanted:
        raise ArchiveError(f"{path} has no member {next(iter(wanted))!r}")


def _write(tar, member, path, wanted, where):
    if not member.isfile():
        raise ArchiveError(f"{where}: its member {member.name!r} is a link or a device, not a file")
    with replacing(path) as temporary:
        with tar.extractfile(member) as source, open(temporary, "wb") as out:
            while chunk := source.read(CHUNK):
                out.write(chunk)
                if isinstance(wanted, int) and out.tell() > wanted:
                    raise ArchiveError(f"{where}: its member {member.name!r} has more than {wanted} bytes")
        if not is_sound(temporary, wanted):
            raise ArchiveError(f"{where}: its member {member.name!r} has another SHA-256 than {wanted}")


def is_sound(path, wanted):
    """Whether a file has this SHA-256, or at most so many bytes."""
    if isinstance(wanted, int):
        return path.stat().st_size <= wanted
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == wanted


def is_unpacked(archive, directory):
    """Whether all members are in a folder, and sound."""
    paths = {directory / file: wanted for file, wanted in archive.members.items()}
    return all(path.is_file() and is_sound(path, wanted) for path, wanted in paths.items())
