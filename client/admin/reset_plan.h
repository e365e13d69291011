// The file of `kafka-consumer-groups --reset-offsets --from-file`, which `--export` writes.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "client/admin/groups.h"

namespace client {

using ResetPlan = std::map<std::string, Offsets>;  // by group id

// Parses lines "topic,partition,offset", which belong to `only_group`, or "group,topic,partition,offset". Names may stand
// in double quotes; empty lines are skipped. `only_group` is empty if the command line does not name exactly one group:
// lines of three fields are then rejected. Fails with InvalidParameter, naming the line.
Result<ResetPlan> parse_reset_plan(std::string_view text, const std::string& only_group);

}  // namespace client
