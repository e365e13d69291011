#include "server/cluster/leader_end_requests.h"

#include <algorithm>
#include <set>

namespace server {

using storage::TopicPartition;

namespace {

constexpr int64_t kEndPatienceUs = 5'000'000;
constexpr int64_t kEndAnswerUs = 300'000;  // time after which an unanswered question is sent again
constexpr int64_t kEndRetryUs = 30'000;
constexpr int64_t kConfirmUs = 1'000'000;     // time limit for one question of confirm()
constexpr int64_t kConfirmAgainUs = 100'000;  // pause before the next question of confirm()
constexpr int64_t kConfirmSessionTimeouts =
    2;  // number of session timeouts for which confirm() asks again
// The time for which the leader keeps a question that it cannot answer yet. It is shorter than
// kEndAnswerUs, so that the sender learns the reason for the wait before it sends the question
// again.
constexpr int64_t kEndOpenUs = kEndAnswerUs - 50'000;

// Returns whether the leader's error means that the read has to wait for an open transaction.
bool is_open(const std::optional<Error>& error) {
  return error && error->code == ErrorCode::ObjectState;
}

}  // namespace

void LeaderEndRequests::ask(std::vector<TopicPartition> partitions, int64_t open_wait_us,
                            Done done) {
  const uint64_t id = ++last_number_;
  Question& question = questions_[id];
  for (const TopicPartition& partition : partitions) question.ends[partition];
  question.done = std::move(done);
  const int64_t now_us = around_.clock.monotonic_us();
  question.give_up_us = now_us + kEndPatienceUs;
  question.give_up_open_us = now_us + open_wait_us;
  if (partitions.empty()) return finish_if_done(id);
  ask_now(id, question);
}

// Asks for the partitions that are not answered yet, unless an earlier question for them may still be answered.
void LeaderEndRequests::ask_now(uint64_t id, Question& question) {
  const int64_t now_us = around_.clock.monotonic_us();
  question.ask_at_us = now_us + kEndRetryUs;
  std::set<TopicPartition> on_their_way;
  std::erase_if(question.asked, [&](const auto& each) {
    const bool is_lost = now_us - each.second.sent_us >= kEndAnswerUs;
    if (is_lost)
      question_of_.erase(each.first);
    else
      on_their_way.insert(each.second.partitions.begin(), each.second.partitions.end());
    return is_lost;
  });
  std::map<NodeId, std::vector<TopicPartition>> by_leader;
  for (const auto& [partition, end] : question.ends) {
    if (end || on_their_way.contains(partition)) continue;
    const storage::PartitionAssignment* known = around_.cluster()->find(partition);
    if (known != nullptr && known->leader)
      by_leader[*known->leader].push_back(partition);
    else
      question.last_error = Error{ErrorCode::NotLeader, "the partition has no leader"};
  }
  for (auto& [leader, its] : by_leader) {
    const uint64_t number = ++last_number_;
    question.asked[number] = {its, now_us};
    question_of_[number] = id;
    around_.send(leader, AskEnds{number, std::move(its)});
  }
}

void LeaderEndRequests::forget_asked(Question& question) {
  for (const auto& [number, asked] : question.asked) question_of_.erase(number);
}

void LeaderEndRequests::tick() {
  const int64_t now_us = around_.clock.monotonic_us();
  std::vector<Question> late;
  for (auto each = questions_.begin(); each != questions_.end();) {
    Question& question = each->second;
    if (now_us >= (is_open(question.last_error) ? question.give_up_open_us : question.give_up_us)) {
      forget_asked(question);
      late.push_back(std::move(question));
      each = questions_.erase(each);
      continue;
    }
    if (now_us >= question.ask_at_us) ask_now(each->first, question);
    ++each;
  }
  for (const Question& question : late) {
    Error error = question.last_error.value_or(
        Error{ErrorCode::NotLeader, "the leader of a partition does not answer"});
    if (is_open(error)) {
      question.done(std::move(error));
      continue;
    }
    error.detail = "It is not known up to which offset the partitions can be read.";
    error.hint = "Try again when enough nodes are available. SHOW SERVER shows their state.";
    question.done(std::move(error));
  }
  Seen seen;
  std::erase_if(asking_, [&](const Asking& asking) {
    if (try_tell(asking, seen)) return true;
    if (now_us < asking.until_us) return false;
    refuse(asking.from, asking.number, in_the_way(asking, seen));
    return true;
  });
  std::vector<Answer> unheard;
  std::erase_if(answers_, [&](auto& each) {
    const bool is_late = each.second.until_us <= now_us;
    if (is_late) unheard.push_back(std::move(each.second));
    return is_late;
  });
  std::erase_if(answer_of_, [&](const auto& each) { return !answers_.contains(each.second); });
  for (const Answer& answer : unheard)
    answer.done(Error{ErrorCode::NotEnoughReplicas,
                      "nodes that may lead the partition by now do not answer"});
  confirm_again();
}

void LeaderEndRequests::on_message(NodeId, const EndsReported& message) {
  const auto found = question_of_.find(message.number);
  if (found == question_of_.end()) return;
  const uint64_t id = found->second;
  question_of_.erase(found);
  Question& question = questions_.at(id);
  const auto asked = question.asked.extract(message.number);
  if (asked.empty()) return;
  const std::vector<TopicPartition>& partitions = asked.mapped().partitions;
  if (message.error || message.ends.size() != partitions.size()) {
    question.last_error = message.error;
    return;
  }
  for (size_t i = 0; i < message.ends.size(); ++i) question.ends[partitions[i]] = message.ends[i];
  finish_if_done(id);
}

void LeaderEndRequests::finish_if_done(uint64_t id) {
  const auto found = questions_.find(id);
  if (!std::ranges::all_of(found->second.ends,
                           [](const auto& each) { return each.second.has_value(); }))
    return;
  Question question = std::move(found->second);
  questions_.erase(found);
  forget_asked(question);
  Ends ends;
  for (const auto& [partition, end] : question.ends) ends.emplace_back(partition, *end);
  question.done(std::move(ends));
}

// --- The leader's side

void LeaderEndRequests::add_witnesses(Witnesses& to, const TopicPartition& partition,
                                      const LeaderEnds& leads) const {
  const ConfirmLeader::Led led{partition, leads.epoch};
  if (!leads.has_min_isr) {
    if (rules_.asks_metadata) to.in_metadata.push_back(led);
  } else if (rules_.asks_others) {
    for (const NodeId heir : leads.heirs) to.heirs[heir].push_back(led);
  }
}

void LeaderEndRequests::ask_witnesses(Witnesses witnesses, int64_t patience_us,
                                      std::function<void(Status)> done) {
  auto& [heirs, in_metadata] = witnesses;
  if (heirs.empty() && in_metadata.empty()) return done({});
  const uint64_t id = ++last_number_;
  answers_[id] = {std::move(done), heirs.size() + (in_metadata.empty() ? 0 : 1),
                  around_.clock.monotonic_us() + patience_us};
  for (auto& [heir, led] : heirs) {
    const uint64_t number = ++last_number_;
    answer_of_[number] = id;
    around_.send(heir, ConfirmLeader{number, std::move(led)});
  }
  if (in_metadata.empty()) return;
  // The node's own metadata are checked only after etcd has answered, because they may show another
  // leader by then.
  around_.confirm_read([this, id, led = std::move(in_metadata)](const Status& all_is_read) {
    if (all_is_read) return heard(id, check_newest(led));
    const bool is_unheard = all_is_read.error().code == ErrorCode::NetworkFailure;
    heard(id, is_unheard
                  ? Error{ErrorCode::NotEnoughReplicas,
                          "fewer replicas are in sync than min.insync.replicas requires, and etcd "
                          "does not answer whether another node leads the partition by now"}
                  : all_is_read.error());
  });
}

void LeaderEndRequests::heard(uint64_t id, const Status& status) {
  const auto found = answers_.find(id);
  if (found == answers_.end()) return;
  if (status && --found->second.left > 0) return;
  const auto done = std::move(found->second.done);
  answers_.erase(found);
  done(status);
}

Status LeaderEndRequests::check_newest(const std::vector<ConfirmLeader::Led>& led) const {
  for (const auto& [partition, epoch] : led) {
    const storage::PartitionAssignment* known = around_.cluster()->find(partition);
    if (known != nullptr && known->leader_epoch > epoch)
      return Error{ErrorCode::NotLeader, "another node leads the partition by now"};
  }
  return {};
}

void LeaderEndRequests::confirm(const TopicPartition& partition, std::function<void(Status)> done) {
  const Result<LeaderEnds> leads = around_.leads(partition);
  if (!leads) return done(leads.error());
  const int64_t patience_us = kConfirmUs + kConfirmSessionTimeouts * around_.session_timeout_us;
  ask_to_confirm(
      {partition, leads->epoch, around_.clock.monotonic_us() + patience_us, std::move(done)},
      *leads);
}

void LeaderEndRequests::ask_to_confirm(Confirming call, const LeaderEnds& leads) {
  Witnesses witnesses;
  add_witnesses(witnesses, call.partition, leads);
  ask_witnesses(std::move(witnesses), kConfirmUs,
                [this, call = std::move(call)](const Status& status) mutable {
                  const int64_t now_us = around_.clock.monotonic_us();
                  const bool is_unheard =
                      !status && status.error().code == ErrorCode::NotEnoughReplicas;
                  if (!is_unheard || now_us >= call.give_up_us) return call.done(status);
                  call.ask_at_us = now_us + kConfirmAgainUs;
                  unconfirmed_.push_back(std::move(call));
                });
}

// A node that has died is an heir until it is fenced, so the heirs are read again. The answer counts
// for the time of the first question, too, because the epoch is still the same.
void LeaderEndRequests::confirm_again() {
  const int64_t now_us = around_.clock.monotonic_us();
  std::vector<Confirming> due;
  std::erase_if(unconfirmed_, [&](Confirming& call) {
    if (now_us < call.ask_at_us) return false;
    due.push_back(std::move(call));
    return true;
  });
  for (Confirming& call : due) {
    const Result<LeaderEnds> leads = around_.leads(call.partition);
    if (!leads)
      call.done(leads.error());
    else if (leads->epoch != call.epoch)
      call.done(Error{ErrorCode::NotLeader, "another node has led the partition meanwhile"});
    else
      ask_to_confirm(std::move(call), *leads);
  }
}

void LeaderEndRequests::refuse(NodeId asker, uint64_t number, Error why) const {
  around_.send(asker, EndsReported{.number = number, .error = std::move(why)});
}

// Answers the question, or keeps it until the acknowledged rows are readable. The required offset
// is fixed when the question arrives: rows that are acknowledged later do not delay the answer.
void LeaderEndRequests::on_message(NodeId from, const AskEnds& message) {
  Asking asking{from, message.number, {}, around_.clock.monotonic_us() + kEndOpenUs};
  Seen seen;
  for (const TopicPartition& partition : message.partitions) {
    const Result<LeaderEnds>& leads = look(partition, seen);
    if (!leads) return refuse(from, message.number, leads.error());
    Offset until{0};
    if (rules_.waits_for_acknowledged) until = leads->acknowledged_end;
    if (rules_.waits_for_own_begin) until = std::max(until, leads->begin);
    asking.partitions.emplace_back(partition, until);
  }
  if (!try_tell(asking, seen)) asking_.push_back(std::move(asking));
}

// Returns the reason why the question still waits. If both reasons apply, too few replicas in sync
// are reported instead of the open transaction, because the marker that ends the transaction needs
// enough replicas in sync.
Error LeaderEndRequests::in_the_way(const Asking& asking, Seen& seen) const {
  for (const auto& [partition, until] : asking.partitions)
    if (const auto& leads = look(partition, seen); leads && !leads->has_min_isr)
      return {ErrorCode::NotEnoughReplicas,
              "acknowledged rows lie beyond the offset that is in sync on fewer replicas than "
              "min.insync.replicas requires"};
  return {ErrorCode::ObjectState, "acknowledged rows follow an open transaction"};
}

const Result<LeaderEnds>& LeaderEndRequests::look(const TopicPartition& partition,
                                                  Seen& seen) const {
  const auto known = seen.find(partition);
  return known != seen.end() ? known->second
                             : seen.emplace(partition, around_.leads(partition)).first->second;
}

bool LeaderEndRequests::try_tell(const Asking& asking, Seen& seen) {
  EndsReported report{.number = asking.number};
  Witnesses witnesses;
  for (const auto& [partition, until] : asking.partitions) {
    const Result<LeaderEnds>& leads = look(partition, seen);
    if (!leads) return refuse(asking.from, asking.number, leads.error()), true;
    if (rules_.waits_for_own_begin && !leads->has_all_of_before)
      return refuse(asking.from, asking.number,
                    {ErrorCode::NotEnoughReplicas,
                     "the records from before the leader's start are not on enough replicas yet"}),
             true;
    if (leads->readable_end < until) return false;
    report.ends.push_back(leads->readable_end);
    add_witnesses(witnesses, partition, *leads);
  }
  ask_witnesses(
      std::move(witnesses), kEndPatienceUs,
      [this, from = asking.from, report = std::move(report)](const Status& status) {
        around_.send(
            from, status ? report : EndsReported{.number = report.number, .error = status.error()});
      });
  return true;
}

void LeaderEndRequests::on_message(NodeId from, const ConfirmLeader& message) {
  LeaderConfirmed answer{.number = message.number};
  if (!around_.epoch())
    answer.error = Error{ErrorCode::NotEnoughReplicas,
                         "a node that may lead the partition has only just started"};
  else if (const Status newest = check_newest(message.led); !newest)
    answer.error = newest.error();
  around_.send(from, std::move(answer));
}

void LeaderEndRequests::on_message(NodeId, const LeaderConfirmed& message) {
  const auto number = answer_of_.find(message.number);
  if (number == answer_of_.end()) return;
  const uint64_t id = number->second;
  answer_of_.erase(number);
  heard(id, message.error ? Status(*message.error) : Status());
}

}  // namespace server
