#!/usr/bin/env bash
# debian_python.sh <patchelf> <version> <folder>: unpack Debian's Python of that version into a folder,
# with the C library that it needs, for machines where uv cannot fetch one. Nothing is installed.
set -euo pipefail
patchelf=$(realpath "$1") python=python$2 folder=$3
[ ! -x "$folder/usr/bin/$python" ] || exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{lists,cache/archives}/partial "$scratch/debs" "$scratch/root"
touch "$scratch/status"
# shellcheck disable=SC2016 # apt-get replaces $(REPO_URI), not the shell.
archive=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive sid main" \
  > "$scratch/sources.list"
cat > "$scratch/apt.conf" << END
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Etc::sourcelist "$scratch/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$scratch/lists";
Dir::State::status "$scratch/status";
Dir::Cache "$scratch/cache";
END
export APT_CONFIG=$scratch/apt.conf
apt-get -qq update
(cd "$scratch/debs" && apt-get -qq download "$python" "$python-minimal" "lib$python-minimal" \
  "lib$python-stdlib" libbz2-1.0 libc6 libexpat1 libffi8 liblzma5 libsqlite3-0 libssl3t64 \
  libuuid1 libzstd1 zlib1g)
for deb in "$scratch"/debs/*.deb; do dpkg --extract "$deb" "$scratch/root"; done

rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$scratch/root" "$folder"
folder=$(realpath "$folder")
libraries=$(dirname "$(find "$folder/usr/lib" -name 'ld-linux*' -not -type l | head -1)")
# All libraries that it loads look there first, as they would with RPATH only.
"$patchelf" --force-rpath --set-rpath "$libraries" \
  --set-interpreter "$(echo "$libraries"/ld-linux*)" "$folder/usr/bin/$python"
