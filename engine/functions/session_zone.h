// The time zone of the session for which something is computed, and how it writes and reads times: SET TimeZone, DateStyle,
// IntervalStyle.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/functions/kernel.h"
#include "engine/types/text_forms.h"

namespace engine {

// They travel with the statement's properties, whichever threads work for it, under these names. Sessions in UTC have no zone there,
// those in ISO's style no style; nor have queries that run: these are always in UTC and in ISO's.
inline constexpr std::string_view kZoneProperty = "timezone", kDateStyleProperty = "datestyle",
                                  kIntervalStyleProperty = "intervalstyle";

// Null: UTC.
ZoneClockPtr session_zone(const std::map<std::string, std::string>& properties);
ZoneClockPtr session_zone(const EvalContext& context);
TextForms session_forms(const std::map<std::string, std::string>& properties);
TextForms session_forms(const EvalContext& context);
// Without them: for what lasts longer than the session.
std::map<std::string, std::string> without_session_forms(
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
// All forms likewise.
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
