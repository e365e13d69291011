#include "engine/formats/kafka/kafka.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

class KafkaReader final : public Reader {
 public:
  explicit KafkaReader(std::span<const ColumnDef> columns) {
    if (!columns.empty()) column_ = columns[0];
  }

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override {
    status.clear();
    status.states.resize(payloads.size(), RowState::Value);
    Column* column = outs.empty() ? nullptr : outs[0];
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (!payloads[i]) {
        status.states[i] = RowState::Null;
        if (column != nullptr) column->append_null();
      } else if (!has_right_size(*payloads[i])) {
        status.fail(i, size_error(*payloads[i]));
        if (column != nullptr) column->append_null();
      } else if (column != nullptr) {
        append(*payloads[i], *column);
      }
    }
  }

 private:
  size_t expected_size() const { return element_size(column_.type.kind()); }
  bool is_text() const {
    const TypeKind kind = column_.type.kind();
    return kind == TypeKind::String || kind == TypeKind::Bytes || kind == TypeKind::Null;
  }
  bool has_right_size(std::string_view payload) const {
    return is_text() || payload.size() == expected_size();
  }
  // Returns a hint if the bytes are a text. Programs that write texts to topics, such as kcat, also write
  // keys as text. Such keys are not read as numbers, because the key's bytes determine its partition and its row in a
  // table, and the text 1234 has the four bytes of another number.
  static std::string_view hint_of_text(std::string_view payload) {
    const bool is_number =
        !payload.empty() && payload.size() <= 20 && std::ranges::all_of(payload, [](char c) {
          return (c >= '0' && c <= '9') || c == '-' || c == '.';
        });
    if (is_number) return ": a number written as text is for the format JSON";
    const bool is_word = !payload.empty() && std::ranges::all_of(payload, [](char c) {
      return static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
    });
    return is_word ? ": a text is for a column of type VARCHAR" : "";
  }
  std::string size_error(std::string_view payload) const {
    const bool begins_with_vowel = column_.type.kind() == TypeKind::Integer;
    return "column " + column_.name + (begins_with_vowel ? ": an " : ": a ") +
           column_.type.to_string() + " has " + std::to_string(expected_size()) +
           " bytes in the KAFKA format, got " + std::to_string(payload.size()) +
           std::string(hint_of_text(payload));
  }

  void append(std::string_view payload, Column& column) const {
    switch (column_.type.kind()) {
      case TypeKind::Integer:
        column.append(load_be<int32_t>(payload.data()));
        break;
      case TypeKind::Bigint:
        column.append(load_be<int64_t>(payload.data()));
        break;
      case TypeKind::Double:
        column.append(std::bit_cast<double>(load_be<int64_t>(payload.data())));
        break;
      case TypeKind::String:
        if (is_utf8(payload))
          column.append(payload);
        else
          column.append_copy(repaired_utf8(payload));
        break;
      default:
        column.append(payload);
    }
  }

  ColumnDef column_;
};

class KafkaWriter final : public Writer {
 public:
  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    for (size_t row = rows.first; row < rows.end; ++row) {
      const bool has_payload = (present == nullptr || present->test(row)) && !columns.empty() &&
                               !columns[0]->is_null(row);
      if (has_payload) append(*columns[0], row, out.bytes);
      out.close(has_payload);
    }
  }

 private:
  static void append(const Column& column, size_t row, std::string& out) {
    switch (column.type().kind()) {
      case TypeKind::Integer:
        append_be(out, column.data<int32_t>()[row]);
        break;
      case TypeKind::Bigint:
        append_be(out, column.data<int64_t>()[row]);
        break;
      case TypeKind::Double:
        append_be(out, std::bit_cast<int64_t>(column.data<double>()[row]));
        break;
      default:
        out += column.data<std::string_view>()[row];
    }
  }
};

}  // namespace

std::unique_ptr<Reader> make_kafka_reader(std::span<const ColumnDef> columns) {
  return std::make_unique<KafkaReader>(columns);
}
std::unique_ptr<Writer> make_kafka_writer(std::span<const ColumnDef>) {
  return std::make_unique<KafkaWriter>();
}

}  // namespace engine
