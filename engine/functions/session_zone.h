// Finds the time zone and the formats of dates and intervals (SET TimeZone, DateStyle, IntervalStyle) of the session
// for which an expression is computed.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/functions/kernel.h"
#include "engine/types/text_forms.h"

namespace engine {

// The names of the properties with which zone and formats of a session reach all threads that work
// on its statement. A session in UTC has no zone property, and a session in ISO style has no style
// properties. Continuous queries have none of them, so they always use UTC and ISO.
inline constexpr std::string_view kZoneProperty = "timezone", kDateStyleProperty = "datestyle",
                                  kIntervalStyleProperty = "intervalstyle";

// Return the zone and the formats; a null zone means UTC.
ZoneClockPtr session_zone(const std::map<std::string, std::string>& properties);
ZoneClockPtr session_zone(const EvalContext& context);
TextForms session_forms(const std::map<std::string, std::string>& properties);
TextForms session_forms(const EvalContext& context);
// Returns the properties without those of zone and formats, for objects that outlive the session.
std::map<std::string, std::string> without_session_forms(
    std::map<std::string, std::string> properties);

// Looks up the session's zone once for a call. For functions that need it in each row; they have a
// parameter PerBatch<CallZone>&.
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
// Looks up all formats of the session once for a call. For functions that need them in each row.
class CallForms {
 public:
  const TextForms& of(const KernelCall& call) {
    if (!is_known_) forms_ = session_forms(call.context);
    is_known_ = true;
    return forms_;
  }

 private:
  TextForms forms_;
  bool is_known_ = false;
};

}  // namespace engine
