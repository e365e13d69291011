// Sends the records of a sink as HTTP requests.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "engine/connect/http/http_sink_properties.h"
#include "server/connect/batches/batch_writer.h"
#include "server/http_client/http_thread.h"

namespace server {

// Threads and owner: see BatchWriter. Sends one request at a time, so the records of a partition
// arrive in their order.
class HttpWriter final : public BatchWriter {
 public:
  // If `may_reach_private_addresses` is false, requests to loopback, link-local and private
  // addresses are refused.
  HttpWriter(engine::HttpSink sink, std::string connector, bool may_reach_private_addresses)
      : sink_(std::move(sink)),
        connector_(std::move(connector)),
        may_reach_private_addresses_(may_reach_private_addresses) {}

  Status start() override { return {}; }
  Result<std::vector<Refused>> send(std::span<const SinkRecord> records, bool isolates_bad_records,
                                    const TaskWait& wait) override;

 private:
  // A record as it is sent.
  struct Item {
    size_t index;  // in the records of the batch
    std::string url, body;
    bool is_delete = false;
  };
  // The answer to a request. If none arrived, `error` is the reason.
  struct Answer {
    int status = 0;
    std::string error, body;
    int64_t retry_after_ms = 0;
  };
  // Returns why the answer is not successful, without secrets.
  std::string reason_of(const Answer& answer) const;
  Result<Item> item_of(const SinkRecord& record, size_t index) const;
  // Sends items with the same address and method in one request, and adds the refused ones.
  Status send_items(std::span<const SinkRecord> records, std::span<const Item> items,
                    bool isolates_bad_records, const TaskWait& wait, std::vector<Refused>& refused);
  // Repeats the request until it succeeds, until a retry cannot help, or until max.retries. Returns the last answer.
  Result<Answer> ask(const HttpThread::Request& request, const TaskWait& wait);
  Result<Answer> ask_once(HttpThread::Request request, const TaskWait& wait);

  const engine::HttpSink sink_;
  const std::string connector_;
  const bool may_reach_private_addresses_;
  HttpThread http_;
};

}  // namespace server
