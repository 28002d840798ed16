"""What the comparisons of verdicts share: the files, what the schemas say of them, and the tally of two sides."""
import collections
import json
import pathlib
import subprocess

# What the peers do not look at in any schema.
BEYOND = {"deprecated_api_version", "skipped_validation"}
NO_SCHEMA = ("missing_schema", "unknown_kind", "removed_api_version")


def yaml_files(roots):
    """All YAML files below directories, in order."""
    return sorted(
        str(path)
        for root in roots
        for path in pathlib.Path(root).rglob("*")
        if path.suffix in (".yaml", ".yml") and path.is_file()
    )


def ours(xtask, arguments, files):
    """One record a document: file, apiVersion, kind, name and findings."""
    command = [xtask, "verdicts", *arguments, *files]
    for line in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        said = json.loads(line)
        said["findings"] = [finding for finding in said["findings"] if finding.split()[0] not in BEYOND]
        yield said


class Tally(collections.Counter):
    """How many documents are judged alike, and how the others differ."""

    def agree(self, findings, is_bad, is_missing, peer):
        """Counts a document. `is_bad` and `is_missing` are what the peer says: it is wrong, or has no schema."""
        without = any(finding.startswith(NO_SCHEMA) for finding in findings)
        if is_missing or without:
            both = is_missing and without
            self["both without a schema" if both else "schema of one side"] += 1
            return both
        if is_bad == bool(findings):
            self["both wrong" if is_bad else "both right"] += 1
            return True
        self["difference: " + (findings[0].split()[0] if findings else peer + " alone")] += 1
        return False

    def print(self):
        for what, count in self.most_common():
            print(f"{count:6} {what}")
