// The records in the body of a webhook's request.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/connect/http/webhook_properties.h"

namespace engine {

struct WebhookRecord {
  std::optional<std::string> key;
  std::string value;
  bool operator==(const WebhookRecord&) const = default;
};

// Returns the records of a body. With WebhookFormat::Json a body is, by its content type,
//   - application/x-www-form-urlencoded: one object with the parameters as texts;
//   - application/x-ndjson, application/jsonl: a value in each line;
//   - any other type: one value, or an array with a value for each record.
// The key is the value at `source.key_pointer`; a missing or null value is not a key. Fails with
// InvalidText if the body is not of this form, and with LimitExceeded for more than 10,000 records.
Result<std::vector<WebhookRecord>> webhook_records(const WebhookSource& source,
                                                   std::string_view content_type,
                                                   std::string_view body);

}  // namespace engine
