#include "server/metadata/cluster_facts.h"

namespace server {

Result<Offset> LocalFacts::find_end(const storage::Log& log,
                                    const storage::TopicPartition& partition) const {
  const auto status = log.find_partition(partition);
  return status ? status->readable_end() : Offset(0);
}

const ClusterFacts& local_facts() {
  static const LocalFacts facts;
  return facts;
}

}  // namespace server
