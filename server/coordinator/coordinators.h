// The interface through which the front ends reach the coordinators of groups or of transactions,
// on any loop or node. server/node implements it over the loops; the implementation of tests calls
// a single partition.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/ids.h"
#include "server/coordinator/group_errors.h"
#include "server/coordinator/group_messages.h"

namespace server::coordinator {

// An answer reports errors in one of two ways: either a field `error` applies to the whole answer,
// or verdict() and refuse_all() read and set the errors of its parts.
template <class Answer>
concept HasError = requires(const Answer& answer) {
  answer.error;
};
template <class Answer>
concept HasVerdict = requires(const Answer& answer) {
  answer.verdict();
};

// `Partition` is the class that handles the requests. Each request has a key (a group id or a
// transactional id), which selects the partition. `Listed` is the combined result of list() for all
// partitions.
//
// Threads: one loop. The callback runs on that loop, once per request, perhaps within the call.
template <class Partition, class Listed>
class Coordinators {
 public:
  virtual ~Coordinators() = default;

  template <class Request>
  void ask(Request request, Done<typename Request::Answer> done) {
    std::string key(key_of(request));
    run(key, asking(std::move(request), confirming(key, std::move(done))));
  }
  // Sends a request that concerns a whole partition instead of a single key.
  template <class Request>
  void ask_at(PartitionId partition, Request request, Done<typename Request::Answer> done) {
    run_at(partition, asking(std::move(request), std::move(done)));
  }
  // Sends a request that this node handles whether or not it coordinates the key.
  template <class Request>
  void ask_here(Request request, Done<typename Request::Answer> done) {
    std::string key(key_of(request));
    run_here_for(key, asking(std::move(request), std::move(done)));
  }
  // Lists the contents of all partitions.
  virtual void list(Done<Listed> done) = 0;
  // Creates the topic if it does not exist, and calls back when coordinators are available.
  virtual void prepare(Done<KafkaError> done) = 0;

 protected:
  // Runs `work` with the partition of the key, on the loop of that partition. If no coordinator is
  // available, calls `work` with null and the reason.
  using Work = std::function<void(Partition* partition, KafkaError why_not)>;
  virtual void run(const std::string& key, Work work) = 0;
  virtual void run_at(PartitionId partition, Work work) = 0;
  // Runs `work` with the partition of the key, on the loop of that partition, even if another node is the coordinator.
  virtual void run_here_for(const std::string& key, Work work) { run(key, std::move(work)); }
  // A function that runs its argument on the caller's loop. The coordinator uses it to pass the
  // answer back to the caller.
  using Home = std::function<void(std::function<void()>)>;
  virtual Home home() = 0;
  // Checks whether an answer of this coordinator is still valid: another node may have become the
  // coordinator without its knowledge. The answer is either `error` or, if `error` is None, the
  // stored state of the key. Calls `done` with the result.
  virtual void confirm(const std::string& /*key*/, KafkaError /*error*/,
                       std::function<void(bool holds)> done) {
    done(true);
  }

 private:
  template <class Answer>
  Done<Answer> confirming(const std::string& key, Done<Answer> done) {
    if constexpr (!HasError<Answer> && !HasVerdict<Answer>)
      return done;
    else
      return [this, key, done = std::move(done)](Answer answer) {
        constexpr bool is_told = requires { Answer::kTellsWhatIsStored; };
        const KafkaError error = error_of(answer);
        if (error == KafkaError::None && !is_told) return done(std::move(answer));
        // The answer may be large, so it is shared instead of copied.
        const auto held = std::make_shared<Answer>(std::move(answer));
        confirm(key, error, [done, held](bool holds) {
          if (!holds) refuse(*held);
          done(std::move(*held));
        });
      };
  }
  template <class Answer>
  static KafkaError error_of(const Answer& answer) {
    if constexpr (HasVerdict<Answer>)
      return answer.verdict();
    else
      return answer.error;
  }
  template <class Answer>
  static void refuse(Answer& answer) {
    if constexpr (HasVerdict<Answer>) {
      answer.refuse_all(kNotCoordinator);
    } else {
      answer = {};
      answer.error = kNotCoordinator;
    }
  }
  template <class Request>
  static const std::string& key_of(const Request& request) {
    if constexpr (requires { request.group_id; })
      return request.group_id;
    else
      return request.transactional_id;
  }
  template <class Request>
  Work asking(Request request, Done<typename Request::Answer> done) {
    using Answer = typename Request::Answer;
    return [request = std::move(request), done = std::move(done), home = home()](
               Partition* partition, KafkaError why_not) mutable {
      Done<Answer> answer = [done = std::move(done), home = std::move(home)](Answer given) {
        home([done, given = std::move(given)]() mutable { done(std::move(given)); });
      };
      if (!partition) return answer(request.refusal(why_not));
      partition->handle(std::move(request), std::move(answer));
    };
  }
};

}  // namespace server::coordinator
