// lethe-init: PID 1 of the initrd until systemd takes over.

#include <unistd.h>

#include "boot/boot.h"
#include "boot/system.h"

int main() {
  // Anywhere else it would mount over a running system and reboot it.
  if (::getpid() != 1) return 2;
  lethe::boot::LinuxSystem system;
  lethe::boot::RunBoot(system);
  while (true) ::pause();  // the reboot was refused: PID 1 must not end
}
