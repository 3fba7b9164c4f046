# SPDX-License-Identifier: Apache-2.0
"""TAP for the unit tests that are written in Python, as tap.h is for those in C."""


class Tap:
    """Prints each check at once; the caller prints the plan, from n."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, why=None):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
        if not good:
            print(f"# {str(why)[:2000]}")
        return good

    def equal(self, got, want, name):
        return self.ok(got == want, name, f"got {got!r}, expected {want!r}")
