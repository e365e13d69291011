// The time zone of the session for which something is computed: SET TimeZone.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/functions/kernel.h"
#include "engine/types/zone_clock.h"

namespace engine {

// The zone travels with the statement's properties, whichever threads work for it, under this name. Sessions in UTC have none there,
// nor have queries that run: these are always in UTC.
inline constexpr std::string_view kZoneProperty = "timezone";

// Null: UTC.
ZoneClockPtr session_zone(const std::map<std::string, std::string>& properties);
ZoneClockPtr session_zone(const EvalContext& context);
// Without the zone: for what lasts longer than the session.
std::map<std::string, std::string> without_session_zone(
    std::map<std::string, std::string> properties);

// The zone of a call, for functions that look at it row by row: PerBatch<CallZone>&.
class CallZone {
 public:
  const ZoneClock* of(const KernelCall& call) {
    if (!is_known_) zone_ = session_zone(call.context);
    is_known_ = true;
    return zone_.get();
  }

 private:
  ZoneClockPtr zone_;
  bool is_known_ = false;
};

}  // namespace engine
