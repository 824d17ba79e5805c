# For functional tests in which one small package is missing: `. tests/missing_package.sh` after
# tests/own_store.sh and `clone_recipe`. Sets `object` (below the store), `digest` and `size`.
lock_file=${lock[1]:-$recipe/recipe.lock}
line=$(grep -m 1 'arch = "all", in = \["image".* archive = "debian",' "$lock_file")
digest=$(grep -oE 'sha256 = "[0-9a-f]{64}"' <<<"$line" | head -n 1 | cut -d '"' -f 2)
size=$(sed 's/.* size = \([0-9]*\),.*/\1/' <<<"$line")
object=objects/${digest:0:2}/$digest

# Results without a seal, of stores older than seals, are no leftovers of a build under test.
drop_unsealed() {  # STORE
  for result in "$1"/steps/*; do
    [ -e "$result/seal" ] || rm -rf "$result"
  done
}

bad_server() {  # sets bad_url
  rm -f "$work/port"
  GOOD_SIZE=$size python3 "$top/tests/bad_server.py" "$work/port" 2>"$work/bad_server.log" &
  for ((i = 0; i < 100; ++i)); do
    [ ! -e "$work/port" ] || break
    sleep 0.1
  done
  bad_url=http://127.0.0.1:$(cat "$work/port")
}

# Nothing of a failed build: no object, no scratch folder, no result.
check_still_missing() {  # STORE OUTPUT
  [ ! -e "$1/$object" ] || fail "a wrong package was stored"
  check_clean "$1" "$2"
  check_no_result "$2"
}
