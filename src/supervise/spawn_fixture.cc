#include "supervise/spawn_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

template <typename T>
T Must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  LETHE_ASSERT(result.has_value());
  return std::move(result).value();
}

Child MustSpawn(const Service& service, const SpawnOptions& options) {
  const Sandbox sandbox = Must(Sandbox::Prepare(service));
  return Must(Spawn(service, sandbox, options));
}

}  // namespace

Service ServiceOf(CommandLine command, std::string user) {
  Service service;
  service.name = "subject";
  service.command = std::move(command);
  service.user = std::move(user);
  return service;
}

Running::Running(const Service& service, SpawnOptions options)
    : child_(MustSpawn(service, options)) {
  // Spawn comes back when the child has left our memory, a moment before it has its own.
  const auto has_begun = [&] {
    return !file("cmdline").empty() || status("State").starts_with("Z");
  };
  LETHE_ASSERT(Eventually(has_begun));
}

Running::~Running() {
  ::kill(child_.pid, SIGKILL);
  ::waitpid(child_.pid, nullptr, 0);
}

std::string Running::file(const std::string& name) const {
  return Must(ReadFile("/proc/" + std::to_string(child_.pid) + "/" + name));
}

std::string Running::status(const std::string& field) const {
  const std::string text = file("status");
  for (const auto line : Lines(text)) {
    if (line.starts_with(field + ":")) return std::string(Trim(line.substr(field.size() + 1)));
  }
  return "no " + field;
}

Said Run(const Service& service) {
  std::array<int, 2> ends;
  LETHE_ASSERT(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const Fd read(ends[0]);
  Fd write(ends[1]);
  const Child child = MustSpawn(service, {.output_fd = write.get()});
  write.Close();
  Said said;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(read.get(), buffer, sizeof buffer)) > 0)
    said.text.append(buffer, static_cast<size_t>(got));
  int status = 0;
  LETHE_ASSERT(::waitpid(child.pid, &status, 0) == child.pid);
  said.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return said;
}

Said RunScript(Service service, const std::string& script) {
  service.command = {"/bin/sh", "-c", script};
  return Run(service);
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace lethe::supervise
