# The peers of the benchmarks: the recipe's package set and files as an ISO made by live-build, and
# by mmdebstrap with hand-made glue. Sourced; wants $mirror (an http address), $recipe and $work.
# Needs root.

peer_packages="systemd systemd-sysv udev openvpn wireguard-tools nftables iproute2 openssl unbound
  dns-root-data linux-image-amd64 live-boot live-boot-initramfs-tools"

# A daemon as the peers run it: by their systemd.
peer_unit() {  # FOLDER NAME COMMAND
  cat >"$1/usr/lib/systemd/system/$2.service" <<UNIT
[Unit]
After=lethe-keys.service lethe-resolver-upstream.service systemd-modules-load.service
Requires=lethe-keys.service

[Service]
ExecStart=$3
StandardOutput=null
StandardError=null
UNIT
}

# The recipe's files, and what its build would have done: the users, the units, the memory report.
peer_files() {  # FOLDER
  local root=$1 unit
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  cp -a "$recipe/files/." "$root/"
  peer_unit "$root" vpn-udp "/usr/sbin/openvpn --config /etc/openvpn/udp.conf"
  peer_unit "$root" vpn-tcp "/usr/sbin/openvpn --config /etc/openvpn/tcp.conf"
  peer_unit "$root" vpn-resolver "/usr/sbin/unbound -d -c /etc/unbound/lethe.conf"
  peer_unit "$root" vpn-wireguard "/bin/sh -c 'ip link add wg0 type wireguard; wg set wg0 listen-port 51820 private-key /run/lethe/keys/wireguard/server.key; ip link set wg0 up; exec sleep infinity'"
  for unit in systemd-networkd lethe-keys lethe-firewall lethe-resolver-upstream vpn-udp vpn-tcp \
      vpn-resolver vpn-wireguard bench-memory; do
    local from=/usr/lib/systemd/system/$unit.service
    ln -sf "$from" "$root/etc/systemd/system/multi-user.target.wants/$unit.service"
  done
  # What the peer keeps of its services' output goes nowhere, as in the recipe.
  cat >"$root/usr/lib/systemd/system/bench-memory.service" <<'UNIT'
[Unit]
Description=Tells the bench how much memory is used
After=vpn-udp.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sleep 15; cat /proc/meminfo >/dev/virtio-ports/bench.memory'
UNIT
}

peer_hook='set -e
for user in openvpn-udp:701 openvpn-tcp:702 wireguard:703 resolver:704 ikev2:705 l2tp:706; do
  useradd --system --uid "${user#*:}" --no-create-home --home-dir / --shell /usr/sbin/nologin "${user%:*}"
done
printf "tun\nwireguard\nnf_tables\nnft_chain_nat\nnft_ct\nnft_masq\nnft_reject_inet\nnft_limit\n" \
  >/etc/modules-load.d/vpn.conf'

live_build_config() {  # FOLDER
  mkdir -p "$1"
  (
    cd "$1"
    lb config --distribution trixie --architecture amd64 --archive-areas main \
      --mirror-bootstrap "$mirror" --mirror-chroot "$mirror" --mirror-binary "$mirror" \
      --parent-mirror-bootstrap "$mirror" --parent-mirror-chroot "$mirror" \
      --parent-mirror-binary "$mirror" --security false --updates false --backports false \
      --apt-secure false --apt-recommends false --apt-indices false --firmware-chroot false \
      --debootstrap-options --variant=minbase --linux-packages linux-image \
      --linux-flavours amd64 --bootloaders grub-pc,grub-efi --uefi-secure-boot disable \
      --binary-images iso-hybrid --memtest none --debian-installer none --zsync false \
      --checksums sha256 --cache true --chroot-squashfs-compression-type zstd --chroot-squashfs-compression-level 15 --win32-loader false --utc-time true \
      --bootappend-live 'boot=live toram quiet' --color
    echo $peer_packages | tr ' ' '\n' | grep -v '^linux-image' >config/package-lists/vpn.list.chroot
    printf '%s\n' "$peer_hook" >config/hooks/normal/9000-vpn.hook.chroot
    chmod +x config/hooks/normal/9000-vpn.hook.chroot
    peer_files config/includes.chroot_after_packages
    # No menu: what is measured is the boot.
    mkdir -p config/includes.binary/boot/grub
    printf 'set timeout=0\n' >config/includes.binary/boot/grub/config.cfg
  ) >"$1.config.log" 2>&1
}

live_build() {  # FOLDER: from nothing but packages
  (cd "$1" && lb build) >>"$1.log" 2>&1
}

# After the change of one file: live-build's own way keeps the bootstrap and the packages, and makes
# root and image anew.
live_rebuild() {  # FOLDER FILE PATH
  cp "$2" "$1/config/includes.chroot_after_packages/$3"
  (cd "$1" && lb clean --chroot --binary && lb build) >>"$1.log" 2>&1
}

# Kernel, initrd and root of FOLDER/root as an ISO for BIOS and UEFI.
mmdebstrap_iso() {  # FOLDER
  local iso=$1/iso
  rm -rf "$iso" "$1/image.iso"
  mkdir -p "$iso/live" "$iso/boot/grub"
  mksquashfs "$1/root" "$iso/live/filesystem.squashfs" -comp zstd -Xcompression-level 15 \
    -noappend -no-progress -e boot >>"$1.log"
  cp "$1"/root/boot/vmlinuz-* "$iso/live/vmlinuz"
  cp "$1"/root/boot/initrd.img-* "$iso/live/initrd.img"
  cat >"$iso/boot/grub/grub.cfg" <<'GRUB'
set timeout=0
menuentry live {
  linux /live/vmlinuz boot=live toram quiet
  initrd /live/initrd.img
}
GRUB
  grub-mkrescue -o "$1/image.iso" "$iso" >>"$1.log" 2>&1
}

mmdebstrap_build() {  # FOLDER
  rm -rf "$1"
  mkdir -p "$1/files"
  peer_files "$1/files"
  mmdebstrap --mode=root --variant=minbase --include="$(echo $peer_packages | tr ' ' ',')" \
    --customize-hook='cp -a "'"$1"'/files/." "$1/"' \
    --customize-hook='printf "%s\n" "$peer_hook" | chroot "$1" sh' \
    trixie "$1/root" "deb [trusted=yes] $mirror trixie main" >>"$1.log" 2>&1
  mmdebstrap_iso "$1"
}

# One file changed in the kept root.
mmdebstrap_rebuild() {  # FOLDER FILE PATH
  cp "$2" "$1/root/$3"
  mmdebstrap_iso "$1"
}
export peer_hook
