#include "server/cluster/open_questions.h"

#include <utility>
#include <vector>

namespace server {

uint64_t OpenQuestions::open(std::set<NodeId> whom, int64_t patience_us, Done done) {
  const uint64_t number = ++last_number_;
  questions_.emplace(
      number, Question{std::move(whom), clock_.monotonic_us() + patience_us, std::move(done)});
  return number;
}

bool OpenQuestions::is_open(uint64_t number, NodeId from) const {
  const auto found = questions_.find(number);
  return found != questions_.end() && found->second.left.contains(from);
}

void OpenQuestions::answered(uint64_t number, NodeId from) {
  const auto found = questions_.find(number);
  if (found == questions_.end()) return;
  found->second.left.erase(from);
  if (!found->second.left.empty()) return;
  const Done done = std::move(found->second.done);
  questions_.erase(found);
  done(number, {});
}

void OpenQuestions::tick() {
  if (questions_.empty()) return;
  const int64_t now_us = clock_.monotonic_us();
  std::vector<std::pair<uint64_t, Question>> over;
  std::erase_if(questions_, [&](auto& each) {
    if (now_us < each.second.until_us) return false;
    over.emplace_back(each.first, std::move(each.second));
    return true;
  });
  for (const auto& [number, question] : over) question.done(number, question.left);
}

}  // namespace server
