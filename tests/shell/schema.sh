# The JSON of every command conforms to the installed schema, and the schema has every column.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
schema=$(realpath "$here/../../src/render/schema/schema.json")
host=$(mktemp -d) json=$(mktemp -d)
trap 'rm -rf "$host" "$json"' EXIT

mdevadm() { "$MDEVADM" --root "$host" "$@"; }
# conforms DEFINITION SENTENCE FILE: each line, or the whole, of FILE
conforms() {
  run /usr/bin/python3 - "$schema" "$1" "$3" <<'P'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
part = {"$ref": "#/definitions/" + sys.argv[2], "definitions": schema["definitions"]}
text = open(sys.argv[3]).read()
documents = [json.loads(line) for line in text.splitlines()] if sys.argv[2] in ("error", "warning", "event") else [json.loads(text)]
assert documents, "nothing to check"
for document in documents:
    jsonschema.validate(document, part)
    jsonschema.validate(document, schema)
P
  exits 0 "$2"
}
prints() {  # DEFINITION COMMAND...: its standard output
  local kind=$1
  shift
  mdevadm "$@" >"$json/out" 2>/dev/null
  conforms "$kind" "$* prints JSON that conforms to the schema" "$json/out"
}

run /usr/bin/python3 -c "import json, jsonschema; jsonschema.Draft7Validator.check_schema(json.load(open('$schema')))"
exits 0 "the schema is a valid JSON Schema"
same "$(jq '[.. | objects | select(.additionalProperties == false)] | length' "$schema")" 0 "the schema permits keys of later releases everywhere"
for tree in samples nvidia i915 s390; do
  rm -rf "$host" && mkdir "$host"
  "$LAY_TREE" "$here/../trees/$tree.tree" "$host"
  prints types types --json
  prints devices list --json
  prints parents show "$("$MDEVADM" --root "$host" types --json | jq -r '.types[0].parent')" --json
done
mkdir -p "$host/etc/mdevadm/devices/x"
printf 'type = "t"\n[[attribute]]\nname = "a"\nvalue = "1"\n' >"$host/etc/mdevadm/devices/x/00000000-0000-0000-0000-000000000001.toml"
echo 'broken' >"$host/etc/mdevadm/devices/x/00000000-0000-0000-0000-000000000002.toml"
live=669d9b23-fe1b-4ecb-be08-a2fabca99b71
prints devices list --all --json
prints devices list --json -o uuid,state
prints devices show "$live" 00000000 --json
prints findings check --json
prints columns check --list-columns --json
prints columns list --list-columns --json
prints columns types --list-columns --json
prints results define -p matrix -t vfio_ap-passthrough --json
prints results define "$live" --json
prints results modify "$live" --auto --json
prints results group create vm1 "$live" --json
printf 'version = 1\n[[device]]\nname = "a"\ntype = "none"\nparents = ["matrix"]\n' >"$json/bad.toml"
prints results apply -f "$json/bad.toml" --json
prints results probe matrix --create --json
mdevadm diff -f "$json/bad.toml" --json >"$json/out" 2>"$json/errors"
same "$(cat "$json/out")" "" "diff --json of a description that is refused prints no object"
conforms error "diff --json prints the errors as JSON that conforms to the schema" "$json/errors"
mdevadm export host >"$json/host.toml" 2>/dev/null
sed -i 's/^start = "auto"/start = "manual"/' "$json/host.toml"
prints comparison diff -f "$json/host.toml" --json
prints comparison apply --check -f "$json/host.toml" --json
prints plan apply --dry-run -f "$json/host.toml" --json
prints groups group list --json
prints group group show vm1 --json
prints columns group list --list-columns --json
prints columns group show --list-columns --json
prints results group start vm1 --json
prints plan group start vm1 --dry-run --json
prints plan group rename vm1 vm2 --dry-run --json
prints results group delete vm1 --json
prints results start "$live" --json
prints results stop nosuch 00000000 --json
prints results undefine "$live" --json
prints plan start -p matrix -t vfio_ap-passthrough --dry-run --json
prints plan stop "$live" --dry-run --json
prints plan start "$live" --dry-run --json
mdevadm show nosuch --json 2>"$json/err" >/dev/null
grep error "$json/err" >"$json/errors"
mdevadm list --all --json 2>"$json/warnings" >/dev/null
"$MDEVADM" version --json >"$json/version"
conforms version "version --json prints JSON that conforms to the schema" "$json/version"
same "$("$MDEVADM" --json-schema)" "$(cat "$schema")" "--json-schema prints the schema"
"$MDEVADM" monitor --initial --until absent=nosuch --json >"$json/events"
conforms event "monitor --json prints JSON that conforms to the schema" "$json/events"
conforms error "errors conform to the schema" "$json/errors"
conforms warning "warnings conform to the schema" "$json/warnings"

prints devices show "$live" matrix --json
prints results parent set 0000:41:00.0 --vfs all --reserve 0000:41:00.4 --run 'true x' --check false --force --json
prints parent_settings parent list --json
prints parent_settings parent show 0000:41:00.0 --json
prints columns parent list --list-columns --json
prints columns parent show --list-columns --json
prints plan parent set 0000:41:00.0 --vfs 2 --force --dry-run --json
prints results parent prepare 0000:41:00.0 --json
prints results parent unset 0000:41:00.0 --json

columns_of() { jq -r ".definitions.$1.properties | keys[]" "$schema"; }
same "$(jq -r '.definitions.types.properties.types.items.properties | keys[]' "$schema")" "$("$MDEVADM" __describe | jq -r '.commands[] | select(.name == "types") | .columns[].name' | sort)" "the schema has exactly the columns of types"
same "$(columns_of device)" "$("$MDEVADM" __describe | jq -r '.commands[] | select(.name == "list") | .columns[].name' | sort)" "the schema has exactly the columns of list"
same "$(columns_of finding)" "$("$MDEVADM" __describe | jq -r '.commands[] | select(.name == "check") | .columns[].name' | sort)" "the schema has exactly the columns of check"
mkdir -p "$host/sys/bus/pci/devices/0000:99:00.0"
prints parents show 0000:99:00.0 --json
same "$(columns_of host_device)" "$(jq -r '.host_devices[0] | keys[]' "$json/out" | sort)" "the schema has exactly the columns of other devices of the host"
same "$(columns_of a_group)" "$("$MDEVADM" __describe | jq -r '.commands[] | select(.name == "group list") | .columns[].name' | sort)" "the schema has exactly the columns of group list"
same "$(columns_of a_parent_setting)" "$("$MDEVADM" __describe | jq -r '.commands[] | select(.name == "parent list") | .columns[].name' | sort)" "the schema has exactly the columns of parent list"
same "$(columns_of parent)" "$("$MDEVADM" --root "$host" show matrix --list-columns --json | jq -r '.columns[].column' | sort)" "the schema has exactly the columns of parents"
finish
