// The port through which front ends reach the coordinators of one kind, wherever they run. server/node
// implements it over the loops; tests call one partition.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/ids.h"
#include "server/coordinator/group_errors.h"
#include "server/coordinator/group_messages.h"

namespace server::coordinator {

// What a coordinator has answered: of it as a whole, or of what it is about, with refuse_all().
template <class Answer>
concept HasError = requires(const Answer& answer) { answer.error; };
template <class Answer>
concept HasVerdict = requires(const Answer& answer) { answer.verdict(); };

// `Partition` handles requests, each of which names what it is about (a group, a transactional id); `Listed`
// is what all of them together keep.
//
// Threads: belongs to one loop, and answers there, once each, perhaps inside the call.
template <class Partition, class Listed>
class Coordinators {
 public:
  virtual ~Coordinators() = default;

  template <class Request>
  void ask(Request request, Done<typename Request::Answer> done) {
    std::string key(key_of(request));
    run(key, asking(std::move(request), confirming(key, std::move(done))));
  }
  // What is about a partition as a whole.
  template <class Request>
  void ask_at(PartitionId partition, Request request, Done<typename Request::Answer> done) {
    run_at(partition, asking(std::move(request), std::move(done)));
  }
  // Of all partitions.
  virtual void list(Done<Listed> done) = 0;
  // Makes the topic if it is not there yet, and answers when there are coordinators.
  virtual void prepare(Done<KafkaError> done) = 0;

 protected:
  // Runs `work` on the loop of the partition that the key belongs to; without one, and with the reason, when
  // none can answer.
  using Work = std::function<void(Partition* partition, KafkaError why_not)>;
  virtual void run(const std::string& key, Work work) = 0;
  virtual void run_at(PartitionId partition, Work work) = 0;
  // Brings an answer back to the loop of the asker.
  using Home = std::function<void(std::function<void()>)>;
  virtual Home home() = 0;
  // Whether an error still holds that a coordinator has answered with, or (with None) what it has told of what is stored:
  // it may have been replaced, and not know it.
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
        // It may be large, and is not copied with the question.
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
