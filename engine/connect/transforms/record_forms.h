// The forms in which connectors have keys and values as bytes, for transforms: a text, JSON, or JSON with its schema.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

// Text: as StringConverter; a value that is not a text becomes its JSON. Json: as JsonConverter without schemas.
// JsonWithSchema: {"schema": ..., "payload": ...}, as JsonConverter with schemas.enable.
enum class DataForm : uint8_t { Text, Json, JsonWithSchema };

struct RecordForms {
  DataForm key = DataForm::Text;
  DataForm value = DataForm::Json;
};

// Fails with InvalidText if the bytes are not JSON, or not the value of their schema. A field that is null gets the
// default of its schema, as in Kafka Connect.
Result<ConnectDatum> decode_datum(const std::optional<std::string>& bytes, DataForm form);
// Returns nothing for an absent datum. Fails with InvalidEncoding if a text within JSON is not UTF-8.
Result<std::optional<std::string>> encode_datum(const ConnectDatum& datum, DataForm form);

}  // namespace engine
