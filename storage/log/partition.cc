#include "storage/log/partition.h"

#include <cassert>

namespace storage {

PartitionMap::PartitionMap() { buckets_.fill(std::make_shared<const Bucket>()); }

std::shared_ptr<const PartitionMap> PartitionMap::with(Partitions added, Partitions removed) const {
  auto next = std::make_shared<PartitionMap>(*this);
  absl::flat_hash_map<size_t, std::shared_ptr<Bucket>> own;
  const auto writable = [&](const TopicPartition& id) -> Bucket& {
    const size_t index = bucket_of(id);
    std::shared_ptr<Bucket>& copy = own[index];
    if (copy == nullptr) {
      copy = std::make_shared<Bucket>(*buckets_[index]);
      next->buckets_[index] = copy;
    }
    return *copy;
  };
  for (const auto& partition : added) {
    const bool is_new = writable(partition->id()).emplace(partition->id(), partition).second;
    assert(is_new);
    ++next->counts_[static_cast<size_t>(partition->kind())];
  }
  for (const auto& partition : removed) {
    const size_t count = writable(partition->id()).erase(partition->id());
    assert(count == 1);
    --next->counts_[static_cast<size_t>(partition->kind())];
  }
  return next;
}

}  // namespace storage
