// The SourceReader of a webhook, and the queue in which requests wait until a task has committed
// their records.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/connect/http/webhook_properties.h"
#include "engine/connect/http/webhook_records.h"
#include "server/connect/connector_memory.h"
#include "server/connect/ports.h"
#include "server/connect/webhooks/webhooks.h"

namespace server {

// The requests of one webhook that are not durable yet.
//
// Invariants:
//    1. each request is answered once;
//    2. the records in the queue have at most max_queue_bytes, unless the queue has only one
//       request; ConnectorMemory counts these bytes.
//
// Threads: any. Owner: shared, see Webhook.
class WebhookQueue final : public Webhook {
 public:
  using Done = std::function<void(WebhookAnswer)>;
  struct Delivery {
    std::vector<engine::WebhookRecord> records;
    std::vector<engine::ConnectHeader> headers;
    size_t bytes = 0;
    Done done;
  };

  // `most_record_bytes` returns the largest size of a record that the topic accepts. It is called
  // on any thread.
  using MostRecordBytes = std::function<size_t()>;
  WebhookQueue(engine::WebhookSource source, std::string name, MostRecordBytes most_record_bytes,
               ConnectorMemory& memory, const Clock& clock)
      : source_(std::move(source)),
        name_(std::move(name)),
        most_record_bytes_(std::move(most_record_bytes)),
        memory_(memory),
        clock_(clock) {}
  ~WebhookQueue() override { close(); }

  void accept(WebhookRequest request, Done done) override;
  // `wake` is called when a request arrives, until close().
  void on_arrival(std::function<void()> wake);
  // Answers all waiting requests with 503, and refuses new requests until the next take().
  void pause();
  // Takes the oldest requests from the queue, about as many as the limits permit.
  std::vector<Delivery> take(size_t max_bytes, size_t max_requests, bool& has_more);
  // Answers all waiting requests with 503, and refuses new requests.
  void close();

 private:
  Result<Delivery> read(const WebhookRequest& request) const;
  // Fails with LimitExceeded if the topic cannot store the record, because otherwise its commit
  // would fail later, and with it the task.
  Status check_size(const engine::WebhookRecord& record, size_t header_bytes) const;
  // Takes all requests from the queue. The caller holds mutex_.
  std::deque<Delivery> take_all();
  void log_refusal(const Error& why);

  const engine::WebhookSource source_;
  const std::string name_;
  const MostRecordBytes most_record_bytes_;
  ConnectorMemory& memory_;
  const Clock& clock_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::deque<Delivery> waiting_;
  size_t waiting_bytes_ = 0;
  bool is_closed_ = false, is_paused_ = false;
  std::function<void()> wake_;
  int64_t logged_us_ = 0, refusals_ = 0;
};

// Threads and owner: see SourceReader.
class WebhookReader final : public SourceReader {
 public:
  WebhookReader(Webhooks& webhooks, engine::WebhookSource source, std::string name,
                WebhookQueue::MostRecordBytes most_record_bytes, ConnectorMemory& memory,
                const Clock& clock);
  ~WebhookReader() override;

  Status start(const SourcePositions& positions) override;
  Result<SourceBatch> poll(const Limits& limits) override;
  Status confirm(const SourcePositions& positions) override;
  void on_ready(std::function<void()> wake) override;
  void on_pause() override { queue_->pause(); }

 private:
  struct Taken {
    int64_t end = 0;  // number of all requests up to the last one in `deliveries`
    std::vector<WebhookQueue::Delivery> deliveries;
  };

  Webhooks& webhooks_;
  const std::string topic_, name_;
  const std::shared_ptr<WebhookQueue> queue_;
  // The number of requests that were received so far. It is used as the position, so that each
  // batch has a position to commit, even if a transform drops all of its records.
  int64_t requests_ = 0;
  std::deque<Taken> taken_;  // batches whose commit is not durable yet
};

}  // namespace server
