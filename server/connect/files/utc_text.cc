#include "server/connect/files/utc_text.h"

#include <fmt/format.h>

#include <chrono>

namespace server {

std::string utc_text(int64_t epoch_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(epoch_ms)};
  const auto midnight = floor<days>(time);
  const year_month_day day(midnight);
  const hh_mm_ss clock(time - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string utc_day(int64_t epoch_ms) {
  const std::string time = utc_text(epoch_ms);
  return time.substr(0, time.find('T'));
}

}  // namespace server
