// Parts that all implementations of TableChanges use.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "records/batch.h"
#include "records/batch_builder.h"

namespace server {

// Size of a batch of records for the topic of a rebuilt table.
inline constexpr size_t kTableBatchBytes = 512 << 10;

// Appends a record with the time, the key and the headers of `record`.
inline void add_record(const records::RecordView& record, std::optional<std::string_view> value,
                       records::BatchBuilder& builder) {
  std::vector<records::RecordHeader> headers;
  records::HeaderReader reader = record.headers();
  while (const auto header = reader.next()) headers.push_back({header->key, header->value});
  builder.append(record.timestamp, record.key, value, headers);
}

}  // namespace server
