// The file of `kafka-consumer-groups --reset-offsets --from-file`, which `--export` writes.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "client/admin/groups.h"

namespace client {

using ResetPlan = std::map<std::string, Offsets>;  // by group id

// Parses lines "topic,partition,offset", which are for `only_group`, or lines
// "group,topic,partition,offset". Names may be in double quotes; empty lines are skipped. If the
// command line does not name exactly one group, `only_group` is empty, and lines of three fields
// are refused. Fails with InvalidParameter; the error names the line.
Result<ResetPlan> parse_reset_plan(std::string_view text, const std::string& only_group);

}  // namespace client
