// lethe-vpnd: the VPN process manager, and what talks to it.

#include <cstdio>
#include <string>

#include "apps/lethe-vpnd/commands.h"

namespace lethe {
namespace {

constexpr const char* kUsage =
    "lethe-vpnd: runs VPN services with every sink sealed, and discards what they say\n"
    "\n"
    "  lethe-vpnd run [--services FOLDER] [--socket PATH] [--discard-meter[-if FILE]]\n"
    "  lethe-vpnd check [FOLDER]\n"
    "  lethe-vpnd ctl [--socket PATH] [--json] COMMAND\n"
    "\n"
    "  ctl status                          counts and reasons of every service\n"
    "  ctl start|stop|restart SERVICE\n"
    "  ctl drain SERVICE [--deadline S]    no new clients; ends when none is left, or then\n"
    "  ctl resume SERVICE                  calls a drain off\n"
    "  ctl reload [--from FOLDER]          other service files; what fails gets its old one back\n"
    "  ctl watch                           a line per change\n"
    "  ctl peer add|remove|replace-all SERVICE FILE\n"
    "\n"
    "FOLDER has one .toml file per service (default /etc/lethe/services). --discard-meter is for\n"
    "tests: it counts the bytes that services try to say; -if: where FILE exists.\n"
    "Exit codes: 0 ok, 1 failure, 2 usage, 3 rejected, 4 malformed, 5 unavailable.\n";

int Main(const Arguments& arguments) {
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  Status status = Error{ErrorCode::kUsage, "run, check or ctl is wanted (--help tells more)"};
  if (!arguments.empty()) {
    const Arguments rest(arguments.begin() + 1, arguments.end());
    if (arguments[0] == "run") status = CmdRun(rest);
    if (arguments[0] == "check") status = CmdCheck(rest);
    if (arguments[0] == "ctl") status = CmdCtl(rest);
  }
  if (status) return 0;
  std::fprintf(stderr, "lethe-vpnd: %s\n", status.error().message.c_str());
  return ExitCode(status.error().code);
}

}  // namespace
}  // namespace lethe

int main(int argc, char** argv) { return lethe::Main({argv + std::min(argc, 1), argv + argc}); }
