// Collects reports on the tasks of all shards, of which there may be ten thousand, without blocking
// a loop.
#pragma once
#include <functional>
#include <vector>

#include "server/tasks/shard.h"

namespace server {

// Each shard reports in slices and serves its loop between them, so the reports are not of one
// moment. `done` is called once, on the loop of the shard that is last. The shards run and outlive
// the survey.
using SurveyDone = std::function<void(std::vector<ShardTaskReport>)>;
void survey_tasks(const std::vector<Shard*>& shards, const Clock& clock, SurveyDone done);

}  // namespace server
