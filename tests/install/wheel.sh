# wheel.sh SOURCE: the sdist builds the wheel, and the wheel works in a new environment after the source is gone.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# one probe, five seconds, no second try
PIP_RETRIES=0 PIP_DEFAULT_TIMEOUT=5 PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_RETRIES PIP_DEFAULT_TIMEOUT PIP_DISABLE_PIP_VERSION_CHECK
/usr/bin/python3 -m venv build-env
if ! timeout 20 build-env/bin/pip download -q --no-deps -d probe scikit-build-core >probe.log 2>&1; then
    echo "skipped (registry): the Python package index does not answer"
    exit 77
fi
PIP_RETRIES=3 PIP_DEFAULT_TIMEOUT=60

mkdir tree
(cd "$source" && git ls-files -z | xargs -0 cp --parents -t "$work/tree")
build-env/bin/pip install -q build
build-env/bin/python -m build -q -o dist tree # the sdist first, then the wheel from it
rm -rf tree
ls dist

/usr/bin/python3 -m venv fresh
fresh/bin/pip install -q --no-index --find-links dist leaselock
fresh/bin/python -W error - "$work" <<'PYTHON'
import sys
import leaselock

assert leaselock.__file__.startswith(sys.argv[1]), leaselock.__file__
with leaselock.open(f"sqlite:{sys.argv[1]}/leases.db") as locks:
    with locks.hold("wheel", client_id="fresh") as lease:
        assert (lease.sequence, lease.valid) == (1, True)
PYTHON
echo "1 passed, 0 failed"
