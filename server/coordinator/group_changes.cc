#include "server/coordinator/group_changes.h"

#include <cassert>
#include <iterator>
#include <utility>

namespace server::coordinator {

void GroupChanges::add(std::vector<StoredRecord> records) {
  std::move(records.begin(), records.end(), std::back_inserter(records_));
}

void GroupChanges::forget_all_but_deletions() {
  for (StoredRecord& record : std::exchange(records_, {}))
    if (!record.value) state_->undeleted.insert(std::move(record.key));
}

void GroupChanges::rewrite_without(std::string key) {
  state_->must_rewrite = true;
  state_->undeleted.insert(std::move(key));
}

std::vector<StoredRecord> GroupChanges::undeleted() const {
  std::vector<StoredRecord> all;
  for (const std::string& key : state_->undeleted) all.push_back({key, std::nullopt});
  return all;
}

void GroupChanges::commit(const std::function<void()>& add_all, Done<KafkaError> done) {
  if (state_->must_rewrite) {
    forget_all_but_deletions();
    add(undeleted());
    add_all();
    state_->must_rewrite = false;
    state_->undeleted.clear();
  }
  if (records_.empty() && state_->under_way == 0) return done(KafkaError::None);
  std::vector<std::string> deleted;
  for (const StoredRecord& record : records_)
    if (!record.value) deleted.push_back(record.key);
  ++state_->under_way;
  store_(std::exchange(records_, {}), [weak = std::weak_ptr(state_), deleted = std::move(deleted),
                                       done = std::move(done)](KafkaError error) {
    if (const auto state = weak.lock()) {
      assert(state->under_way > 0);  // a store calls back once
      --state->under_way;
      if (error != KafkaError::None) {
        state->must_rewrite = true;
        state->undeleted.insert(deleted.begin(), deleted.end());
      }
    }
    done(error);
  });
}

}  // namespace server::coordinator
