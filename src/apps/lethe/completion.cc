#include "apps/lethe/completion.h"

namespace lethe::cli {
namespace {

std::string OptionNames(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names += "--" + name + " ";
  }
  return names;
}

std::string SubcommandNames(const CLI::App& app) {
  std::string names;
  for (const CLI::App* sub : app.get_subcommands({})) names += sub->get_name() + " ";
  return names;
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  std::string out;
  if (shell == "zsh") out += "autoload -U +X bashcompinit && bashcompinit\n";
  out +=
      "_lethe() {\n  local words=\"\"\n  case \"$COMP_CWORD:${COMP_WORDS[1]}:${COMP_WORDS[2]}\" "
      "in\n";
  out += "    1:*) words=\"" + SubcommandNames(app) + "--help --version\" ;;\n";
  for (const CLI::App* noun : app.get_subcommands({})) {
    out += "    2:" + noun->get_name() + ":*) words=\"" + SubcommandNames(*noun) + "\" ;;\n";
    for (const CLI::App* verb : noun->get_subcommands({})) {
      out += "    *:" + noun->get_name() + ":" + verb->get_name() + ") words=\"" +
             OptionNames(*verb) + "\" ;;\n";
    }
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -o default -F _lethe lethe\n";
  return out;
}

}  // namespace lethe::cli
