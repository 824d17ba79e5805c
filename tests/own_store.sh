# For functional tests that need a store of their own: `. tests/own_store.sh` after `top` is set.
# The packages (and results of steps) of the machine's store are hard links, so nothing is fetched
# and nothing there can be damaged: change files by `replace`.
lethe=${LETHE:-$top/build/release/bin/lethe}
machine_store=${LETHE_STORE:-${XDG_CACHE_HOME:-$HOME/.cache}/lethe}
work=$(mktemp -d "${LETHE_TEST_WORK:-$(dirname "$machine_store")}/lethe-test-XXXXXX")
cleanup() {
  for pid in $(jobs -p); do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
unset LETHE_STORE

# Where the mirror has dropped packages of the committed lock, the image under test has another one.
lock=()
[ ! -e "$top/build/test-image/scratch.lock" ] || lock=(--lock "$top/build/test-image/scratch.lock")
recipe=$work/repo/recipes/vpn-server

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# A clone, so that its commit is what is built, whatever the work tree has.
clone_recipe() { git clone -q --no-hardlinks "$top" "$work/repo"; }

own_store() {  # DIR [steps]: the objects, and with `steps` the sealed results too
  mkdir -p "$1/steps"
  cp -al "$machine_store/objects" "$1/"
  [ "${2:-}" = steps ] || return 0
  for seal in "$machine_store"/steps/*/seal; do
    [ ! -e "$seal" ] || cp -al "${seal%/seal}" "$1/steps/"
  done
}

drop_steps() {  # STORE NAME…: results of steps with these names, whatever their number
  local store=$1
  shift
  for step in "$@"; do rm -rf "$store/steps/$step-"[0-9]*; done
}

build() {  # STORE OUTPUT [options]
  local store=$1 output=$2
  shift 2
  "$lethe" image build "$recipe" --store "$store" --output "$output" "${lock[@]}" "$@"
}

# As `build`, which must succeed; what it says on stderr stays in $work/err.
built() {
  build "$@" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; fail "the build failed: $*"; }
}

iso_sum() { sha256sum "$1"/*.iso | cut -d' ' -f1; }  # OUTPUT

# Builds once with what the machine's store has: what all other builds must give. Sets `reference`.
build_reference() {
  own_store "$work/reference-store" steps
  touch "$work/before"
  sleep 0.1
  build "$work/reference-store" "$work/reference" --offline 2>"$work/reference.log" ||
    { cat "$work/reference.log" >&2; fail "the reference build failed"; }
  reference=$(iso_sum "$work/reference")
  # Only the results that it used are for the next stores of this test.
  for result in "$work/reference-store"/steps/*; do
    [ "$result/seal" -nt "$work/before" ] || rm -rf "$result"
  done
  machine_store=$work/reference-store
}

# What a store and an output folder look like after any build, failed or not.
check_clean() {  # STORE [OUTPUT]
  [ -z "$(ls -A "$1/tmp")" ] || fail "left in tmp: $(ls -A "$1/tmp")"
  for result in "$1"/steps/*; do
    [ ! -e "$result" ] || [ -e "$result/seal" ] || fail "$result has no seal"
  done
  [ -z "${2:-}" ] || [ ! -d "$2" ] || [ -z "$(ls -A "$2" | grep '^\.build-')" ] ||
    fail "left in $2: $(ls -A "$2")"
}

check_no_result() {  # OUTPUT
  [ -z "$(ls "$1" 2>/dev/null)" ] || fail "looks like a result: $(ls "$1")"
}

check_reference() {  # OUTPUT
  local sum
  sum=$(iso_sum "$1")
  [ "$sum" = "$reference" ] || fail "another ISO: $sum instead of $reference"
}

replace() {  # FILE COMMAND…: changes a copy of the file, not what the machine's store links to
  local file=$1
  shift
  cp --preserve=mode "$file" "$work/replaced"
  "$@" "$work/replaced"
  mv -f "$work/replaced" "$file"
}

flip_bit() {  # FILE: one bit in its middle
  local place byte
  place=$(($(stat -c %s "$1") / 2))
  byte=$(od -An -tu1 -j "$place" -N 1 "$1")
  printf "\\x$(printf %02x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$place" conv=notrunc status=none
}

# expect EXIT WORDS COMMAND…: what it says on stderr stays in $work/err.
expect() {
  local want=$1 words=$2 status=0
  shift 2
  "$@" >"$work/stdout" 2>"$work/err" || status=$?
  [ "$status" = "$want" ] || { cat "$work/err" >&2; fail "exit $status instead of $want: $*"; }
  grep -qF -- "$words" "$work/err" || { cat "$work/err" >&2; fail "'$words' is not said by: $*"; }
}
