#include "prober/report.h"

#include <algorithm>

#include "json/json.h"

namespace lethe::prober {
namespace {

// "12.345": microseconds as thousands of them, or as millions.
std::string Decimal(Time time, unsigned digits) {
  std::string out = std::to_string(std::max<Time::rep>(time.count(), 0));
  if (out.size() <= digits) out.insert(0, digits + 1 - out.size(), '0');
  return out.insert(out.size() - digits, ".");
}

json::Value Milliseconds(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return static_cast<double>(time->count()) / 1000.0;
}

std::string Labels(const Probed& probed) {
  return "target=\"" + probed.target->name + "\",protocol=\"" + probed.target->protocol + "\"";
}

void AddFamily(std::string& out, std::string_view name, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help);
  out.append("\n# TYPE ").append(name).append(" gauge\n");
}

void AddSeconds(std::string& out, const std::vector<Probed>& probed, std::string_view name,
                std::string_view help, std::optional<Time> Verdict::*time) {
  AddFamily(out, name, help);
  for (const Probed& one : probed) {
    if (const auto& value = one.verdict.*time)
      out += std::string(name) + "{" + Labels(one) + "} " + Decimal(*value, 6) + "\n";
  }
}

}  // namespace

bool AllReady(const std::vector<Probed>& probed) {
  return std::all_of(probed.begin(), probed.end(),
                     [](const Probed& one) { return one.verdict.reason == Reason::kReady; });
}

std::string AsText(const std::vector<Probed>& probed) {
  std::string out;
  for (const Probed& one : probed) {
    const Verdict& verdict = one.verdict;
    const bool ready = verdict.reason == Reason::kReady;
    out += one.target->name + " " + one.target->protocol + ": ";
    out += ready ? "ready" : "not ready, " + std::string(ToString(verdict.reason));
    if (!verdict.detail.empty()) out += " (" + verdict.detail + ")";
    if (verdict.handshake) out += ", handshake " + Decimal(*verdict.handshake, 3) + " ms";
    if (verdict.round_trip) out += ", round trip " + Decimal(*verdict.round_trip, 3) + " ms";
    out += "\n";
  }
  return out;
}

std::string AsJson(const std::vector<Probed>& probed) {
  json::Array targets;
  for (const Probed& one : probed) {
    const Verdict& verdict = one.verdict;
    targets.push_back(json::Object{{"name", one.target->name},
                                   {"protocol", one.target->protocol},
                                   {"address", one.target->address_text},
                                   {"port", one.target->port},
                                   {"ready", verdict.reason == Reason::kReady},
                                   {"reason", ToString(verdict.reason)},
                                   {"detail", verdict.detail},
                                   {"handshake_ms", Milliseconds(verdict.handshake)},
                                   {"round_trip_ms", Milliseconds(verdict.round_trip)}});
  }
  return json::Write(json::Object{{"ready", AllReady(probed)}, {"targets", std::move(targets)}}) +
         "\n";
}

std::string AsPrometheus(const std::vector<Probed>& probed) {
  std::string out;
  AddFamily(out, "lethe_probe_ready", "Whether a handshake and a round trip succeeded.");
  for (const Probed& one : probed) {
    const bool ready = one.verdict.reason == Reason::kReady;
    out += "lethe_probe_ready{" + Labels(one) + "} " + (ready ? "1" : "0") + "\n";
  }
  AddFamily(out, "lethe_probe_reason", "1 for the reason of the answer, 0 for all others.");
  for (const Probed& one : probed) {
    for (const Reason reason : kReasons) {
      out += "lethe_probe_reason{" + Labels(one) + ",reason=\"" + std::string(ToString(reason)) +
             "\"} " + (reason == one.verdict.reason ? "1" : "0") + "\n";
    }
  }
  AddSeconds(out, probed, "lethe_probe_handshake_seconds", "Until the tunnel stood.",
             &Verdict::handshake);
  AddSeconds(out, probed, "lethe_probe_round_trip_seconds", "Of one request through the tunnel.",
             &Verdict::round_trip);
  return out;
}

}  // namespace lethe::prober
