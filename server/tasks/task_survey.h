// What the tasks of all shards are doing, asked of ten thousand of them without holding a loop up.
#pragma once
#include <functional>
#include <vector>

#include "server/tasks/shard.h"

namespace server {

// Each shard reports in slices, between which its loop turns to others; so the reports are not of one
// moment. `done` is called once, on the loop of the shard that is last. The shards run, and outlive that.
using SurveyDone = std::function<void(std::vector<ShardTaskReport>)>;
void survey_tasks(const std::vector<Shard*>& shards, const Clock& clock, SurveyDone done);

}  // namespace server
