#include "server/etcd/etcd_gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/etcd/gateway_messages.h"

namespace server {

using storage::EtcdEvents;
using storage::EtcdFound;
using storage::EtcdLease;
using storage::EtcdRange;
using storage::EtcdRevision;

namespace {

// Limit for an answer. The largest answer to a request of this client is a page of commands, each
// below about a megabyte.
constexpr size_t kMostAnswerBytes = size_t{1} << 30;

template <class T>
std::function<void(Result<std::string>)> reading(Result<T> (*read)(std::string_view),
                                                 storage::EtcdClient::Answer<T> answer) {
  return [read, answer = std::move(answer)](const Result<std::string>& body) {
    answer(body ? read(*body) : Result<T>(body.error()));
  };
}

}  // namespace

EtcdGateway::EtcdGateway(EtcdGatewayOptions options, const Clock& clock, Post post)
    : options_(std::move(options)),
      clock_(clock),
      post_(std::move(post)),
      http_(std::make_unique<HttpThread>()) {}

EtcdGateway::~EtcdGateway() { http_.reset(); }

// --- Requests

void EtcdGateway::ask(std::string_view path, std::string body,
                      std::function<void(Result<std::string>)> done) {
  auto answer = std::make_shared<std::string>();
  HttpThread::Request request;
  request.url = options_.endpoints[current_] + std::string(path);
  request.body = std::move(body);
  request.timeout_ms = options_.timeout_ms;
  request.on_bytes = [answer](std::string_view bytes) {
    if (answer->size() < kMostAnswerBytes) *answer += bytes;
  };
  request.on_end = [this, answer, endpoint = current_, done = std::move(done), post = post_,
                    alive = std::weak_ptr<const char>(alive_)](const HttpEnd& end) {
    post([this, answer, endpoint, done, end, alive] {
      if (alive.expired()) return;
      constexpr int kOk = 200;
      Status status;
      if (end.status != kOk)
        status = end.status == 0 ? Error{ErrorCode::NetworkFailure, end.error}
                                 : read_refusal(end.status, *answer);
      // OffsetOutOfRange means that etcd has compacted the requested revision. The member has
      // answered, so it does not count as failed.
      const bool has_answered = status || status.error().code == ErrorCode::OffsetOutOfRange;
      note_end(endpoint, has_answered ? Status() : status);
      done(status ? Result<std::string>(std::move(*answer)) : Result<std::string>(status.error()));
    });
  };
  http_->start(std::move(request));
}

void EtcdGateway::note_end(size_t endpoint, const Status& status) {
  if (status) {
    if (endpoint != current_) return;
    if (!trouble_.empty()) log_info("etcd answers again endpoint={}", options_.endpoints[endpoint]);
    trouble_.clear();
    return;
  }
  if (endpoint != current_) return;  // another request has already changed to the next member
  if (trouble_.empty())
    log_warn("etcd does not answer endpoint={} error=\"{}\"", options_.endpoints[endpoint],
             status.error().message);
  trouble_ = fmt::format("{}: {}", options_.endpoints[endpoint], status.error().message);
  current_ = (current_ + 1) % options_.endpoints.size();
  std::vector<uint64_t> ended;
  for (const auto& [number, watching] : watches_) ended.push_back(number);
  for (const uint64_t number : ended) end_watch(number, status.error());
}

void EtcdGateway::commit(storage::EtcdTransaction transaction,
                         Answer<storage::EtcdOutcome> answer) {
  ask("/v3/kv/txn", transaction_body(transaction), reading(read_transaction, std::move(answer)));
}

void EtcdGateway::find(EtcdRange range, Answer<EtcdFound> answer) {
  find_page(range, std::make_shared<EtcdFound>(), std::move(answer));
}

// Reads the next page of a range. All pages are read at the revision of the first page.
void EtcdGateway::find_page(const EtcdRange& range, std::shared_ptr<EtcdFound> so_far,
                            Answer<EtcdFound> answer) {
  ask("/v3/kv/range", range_body(range, so_far->revision, options_.page_keys),
      [this, range, so_far, answer = std::move(answer)](const Result<std::string>& body) {
        auto page = body ? read_range(*body) : Result<EtcdPage>(body.error());
        if (!page) return answer(std::move(page).error());
        if (so_far->revision == EtcdRevision{}) so_far->revision = page->found.revision;
        std::ranges::move(page->found.entries, std::back_inserter(so_far->entries));
        if (!page->has_more || page->found.entries.empty()) return answer(std::move(*so_far));
        find_page({so_far->entries.back().key + '\0', range.end}, so_far, answer);
      });
}

void EtcdGateway::find_first(EtcdRange range, Answer<EtcdFound> answer) {
  ask("/v3/kv/range", range_body(range, {}, 1),
      [answer = std::move(answer)](const Result<std::string>& body) {
        auto page = body ? read_range(*body) : Result<EtcdPage>(body.error());
        answer(page ? Result<EtcdFound>(std::move(page->found)) : page.error());
      });
}

void EtcdGateway::compact(EtcdRevision revision, Answer<EtcdRevision> answer) {
  ask("/v3/kv/compaction", compaction_body(revision), reading(read_compaction, std::move(answer)));
}

// Rounds the time up, because etcd counts leases in seconds. etcd extends a lease that is shorter
// than its own elections.
void EtcdGateway::grant_lease(int64_t ttl_ms, Answer<EtcdLease> answer) {
  ask("/v3/lease/grant", grant_body((ttl_ms + 999) / 1'000),
      reading(read_grant, std::move(answer)));
}

void EtcdGateway::keep_alive(EtcdLease lease, Answer<EtcdLease> answer) {
  ask("/v3/lease/keepalive", keep_alive_body(lease), reading(read_keep_alive, std::move(answer)));
}

// --- Watches

class EtcdGateway::WatchHandle final : public EtcdClient::Watch {
 public:
  WatchHandle(EtcdGateway& gateway, uint64_t number)
      : gateway_(gateway), number_(number), alive_(gateway.alive_) {}
  ~WatchHandle() override {
    if (alive_.expired()) return;
    const auto found = gateway_.watches_.find(number_);
    if (found == gateway_.watches_.end()) return;
    gateway_.http_->cancel(found->second.http);
    gateway_.watches_.erase(found);
  }

 private:
  EtcdGateway& gateway_;
  const uint64_t number_;
  const std::weak_ptr<const char> alive_;
};

std::unique_ptr<storage::EtcdClient::Watch> EtcdGateway::watch(
    EtcdRange range, EtcdRevision first, std::function<void(Result<EtcdEvents>)> tell) {
  const uint64_t number = ++last_watch_;
  HttpThread::Request request;
  request.url = options_.endpoints[current_] + "/v3/watch";
  request.body = watch_body(range, first);
  const auto here = [this, alive = std::weak_ptr<const char>(alive_),
                     post = post_](std::function<void()> task) {
    post([alive, task = std::move(task)] {
      if (!alive.expired()) task();
    });
  };
  request.on_bytes = [this, here, number](std::string_view bytes) {
    here([this, number, text = std::string(bytes)] { watched(number, text); });
  };
  request.on_end = [this, here, number](const HttpEnd& end) {
    here([this, number, why = end.error] {
      end_watch(number, {ErrorCode::NetworkFailure, "the watch has ended: " + why});
    });
  };
  watches_[number] = {http_->start(std::move(request)), {}, std::move(tell)};
  return std::make_unique<WatchHandle>(*this, number);
}

void EtcdGateway::watched(uint64_t number, std::string_view bytes) {
  const auto found = watches_.find(number);
  if (found == watches_.end()) return;
  found->second.unread += bytes;
  std::string lines = std::exchange(found->second.unread, {});
  std::string_view rest = lines;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.empty()) continue;
    Result<EtcdEvents> events = read_watched(line);
    if (!events) return end_watch(number, events.error());
    // A copy of the callback is called, because the callback may end the watch and thereby destroy
    // the original.
    const auto tell = watches_.at(number).tell;
    if (!events->events.empty()) tell(std::move(events));
    if (!watches_.contains(number)) return;
  }
  watches_.at(number).unread = rest;
}

void EtcdGateway::end_watch(uint64_t number, const Error& why) {
  const auto found = watches_.find(number);
  if (found == watches_.end()) return;
  http_->cancel(found->second.http);
  const auto tell = std::move(found->second.tell);
  watches_.erase(found);
  tell(why);
}

// --- Checks of the member

void EtcdGateway::tick() {
  const int64_t now_us = clock_.monotonic_us();
  if (watches_.empty() || is_checking_ || now_us < check_at_us_) return;
  check_at_us_ = now_us + options_.check_ms * 1'000;
  check();
}

// Checks whether the member of etcd works: reads a key that does not exist. A member answers a read
// only if it is connected to a majority of the members.
void EtcdGateway::check() {
  is_checking_ = true;
  ask("/v3/kv/range", range_body(EtcdRange::only("-"), {}, 1),
      [this](const Result<std::string>&) { is_checking_ = false; });
}

}  // namespace server
