#include "tests/sim/findings.h"

#include <fmt/format.h>

#include <cstdio>

namespace sim {

void Findings::trace(std::string_view line) {
  const std::string timed = fmt::format("{:>10} {}\n", queue_.now_us(), line);
  for (const char c : timed) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  if (is_verbose_) std::fputs(timed.c_str(), stdout);
}

void Findings::add(std::string finding) {
  trace("FOUND " + finding);
  if (all_.size() < 20) all_.push_back(fmt::format("at {} us: {}", queue_.now_us(), finding));
}

}  // namespace sim
