// Collects reports on the tasks of all shards without blocking a loop. The shards may have ten
// thousand tasks.
#pragma once
#include <functional>
#include <vector>

#include "server/tasks/shard.h"

namespace server {

// Each shard reports in slices and serves its loop between them, so the reports are from different
// moments. `done` is called once, on the loop of the shard that finishes last. The shards must be
// running, and must outlive the survey.
using SurveyDone = std::function<void(std::vector<ShardTaskReport>)>;
void survey_tasks(const std::vector<Shard*>& shards, const Clock& clock, SurveyDone done);

}  // namespace server
