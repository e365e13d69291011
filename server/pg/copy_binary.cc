#include "server/pg/copy_binary.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "engine/formats/text_value.h"
#include "engine/types/ascii.h"
#include "engine/types/column_bytes.h"
#include "server/pg/binary.h"
#include "server/pg/client_encoding.h"
#include "server/pg/messages.h"

namespace server::pg {

using engine::Column;

namespace {

constexpr size_t kMaxHeldBytes = size_t{64} << 20;
// Length of the signature; flags and the extension's length follow.
constexpr size_t kMagicBytes = 11;
constexpr int16_t kEndOfRows = -1;

class BinaryCopyReader final : public CopyReader {
 public:
  BinaryCopyReader(std::vector<sql::ResultColumn> columns, std::string source,
                   std::shared_ptr<ClientEncoding> encoding)
      : columns_(std::move(columns)), source_(std::move(source)), encoding_(std::move(encoding)) {
    for (const sql::ResultColumn& column : columns_)
      values_.emplace_back(column.type, "column " + column.name);
    rows_.columns = empty_columns();
  }

  Status add(std::string_view bytes) override {
    held_ += bytes;
    size_bytes_ += bytes.size();
    size_t taken = 0;
    while (const size_t size = TRY(read_next(std::string_view(held_).substr(taken)))) taken += size;
    held_.erase(0, taken);
    if (held_.size() <= kMaxHeldBytes) return {};
    return bad(fmt::format("a row is longer than {} MB", kMaxHeldBytes >> 20));
  }
  Status end() override {
    if (!held_.empty() || !has_begun_) return bad("unexpected EOF in COPY data");
    return {};
  }
  size_t held_bytes() const override { return held_.capacity(); }

 protected:
  std::vector<Column> empty_columns() const override {
    std::vector<Column> columns;
    for (const sql::ResultColumn& column : columns_) columns.emplace_back(column.type);
    return columns;
  }

 private:
  Error bad(std::string message) const {
    Error error{ErrorCode::BadCopyFormat, std::move(message)};
    error.context = fmt::format("COPY {}, line {}", source_, row_);
    return error;
  }

  // Returns the size of the part that was read; 0 if it is not complete yet.
  Result<size_t> read_next(std::string_view bytes) {
    if (!has_begun_) return read_signature(bytes);
    if (has_ended_) {
      if (bytes.empty()) return size_t{0};
      return bad("received copy data after EOF marker");
    }
    return read_row(bytes);
  }

  Result<size_t> read_signature(std::string_view bytes) {
    if (bytes.substr(0, kMagicBytes) !=
        kCopySignature.substr(0, std::min(bytes.size(), kMagicBytes)))
      return bad("COPY file signature not recognized");
    if (bytes.size() < kCopySignature.size()) return size_t{0};
    ByteReader reader(bytes.substr(kMagicBytes));
    const auto flags = reader.be<uint32_t>(), extension = reader.be<uint32_t>();
    if ((flags >> 16) != 0) return bad("unrecognized critical flags in COPY file header");
    if (extension > kMaxHeldBytes) return bad("invalid COPY file header (wrong length)");
    if (bytes.size() - kCopySignature.size() < extension) return size_t{0};
    has_begun_ = true;
    return kCopySignature.size() + extension;
  }

  Result<size_t> read_row(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto count = reader.be<int16_t>();
    if (!reader.ok()) return size_t{0};
    if (count == kEndOfRows) {
      has_ended_ = true;
      return sizeof count;
    }
    if (count < 0 || static_cast<size_t>(count) != columns_.size())
      return bad(fmt::format("row field count is {}, expected {}", count, columns_.size()));
    std::vector<std::optional<std::string_view>> fields;
    for (int16_t i = 0; i < count; ++i) {
      const auto size = reader.be<int32_t>();
      if (!reader.ok()) return size_t{0};
      if (size < -1) return bad("invalid field size");
      if (size == -1) {
        fields.emplace_back();
        continue;
      }
      fields.emplace_back(reader.bytes(static_cast<size_t>(size)));
      if (!reader.ok()) return size_t{0};
    }
    for (size_t i = 0; i < fields.size(); ++i) TRY(read_field(i, fields[i]));
    rows_.lines.push_back(row_++);
    ++rows_.rows;
    return bytes.size() - reader.rest().size();
  }

  Status read_field(size_t index, std::optional<std::string_view> bytes) {
    Column& column = rows_.columns[index];
    if (!bytes) {
      column.append_null();
      return {};
    }
    const auto read = [&]() -> Status {
      const std::string text = TRY(text_of_binary(
          columns_[index].type, wire_type(columns_[index].type).oid, *bytes, encoding_.get()));
      if (text.find('\0') != std::string::npos) return zero_byte();
      return values_[index].append(text, column);
    };
    Status done = read();
    if (done) return done;
    Error error = std::move(done).error();
    // PostgreSQL reports this code for a field whose length does not match its type.
    if (error.code == ErrorCode::ProtocolViolation) error.code = ErrorCode::BadCopyFormat;
    error.context = fmt::format("COPY {}, line {}, column {}", source_, row_,
                                engine::display_name(columns_[index].name));
    return error;
  }

  const std::vector<sql::ResultColumn> columns_;
  const std::string source_;
  const std::shared_ptr<ClientEncoding> encoding_;
  std::vector<engine::TextValueReader> values_;  // one per column
  std::string held_;
  uint64_t row_ = 1;
  bool has_begun_ = false, has_ended_ = false;
};

// Divides the data into messages as PostgreSQL does, since drivers rely on it: the signature is
// sent with the first row, and the end mark separately. Without rows both are sent together.
class BinaryCopyEncoder final : public RowEncoder {
 public:
  BinaryCopyEncoder(std::vector<sql::ResultColumn> columns,
                    std::shared_ptr<ClientEncoding> encoding)
      : columns_(std::move(columns)), encoding_(std::move(encoding)) {}

  Format format() const override { return Format::Binary; }

  Result<size_t> append_rows(std::string& out, std::span<const engine::ColumnPtr> columns,
                             size_t first_row, size_t end_row, size_t enough_bytes) override {
    size_t row = first_row;
    for (; row < end_row && out.size() < enough_bytes; ++row) {
      if (engine::bytes_of(columns, row, row + 1) > kMaxRowBytes)
        return Error{ErrorCode::LimitExceeded,
                     fmt::format("a row is longer than {} MB", kMaxRowBytes >> 20)};
      MessageWriter writer(out);
      begin(writer, out);
      append_be(out, static_cast<int16_t>(columns.size()));
      for (size_t i = 0; i < columns.size(); ++i) append_field(out, i, *columns[i], row);
      writer.end();
      if (encoding_) TRY(encoding_->take_failure());
    }
    return row - first_row;
  }

  void append_trailer(std::string& out) override {
    MessageWriter writer(out);
    begin(writer, out);
    append_be(out, kEndOfRows);
    writer.end();
  }

 private:
  void begin(MessageWriter& writer, std::string& out) {
    writer.begin('d');
    if (!std::exchange(has_begun_, true)) out += kCopySignature;
  }

  void append_field(std::string& out, size_t index, const Column& column, size_t row) {
    if (column.is_null(row)) return append_be<int32_t>(out, -1);
    append_sized(out,
                 [&] { append_binary(out, columns_[index].type, column, row, encoding_.get()); });
  }

  const std::vector<sql::ResultColumn> columns_;
  const std::shared_ptr<ClientEncoding> encoding_;
  bool has_begun_ = false;
};

}  // namespace

std::unique_ptr<CopyReader> make_binary_copy_reader(std::vector<sql::ResultColumn> columns,
                                                    std::string source,
                                                    std::shared_ptr<ClientEncoding> encoding) {
  return std::make_unique<BinaryCopyReader>(std::move(columns), std::move(source),
                                            std::move(encoding));
}

std::unique_ptr<RowEncoder> make_binary_copy_encoder(std::vector<sql::ResultColumn> columns,
                                                     std::shared_ptr<ClientEncoding> encoding) {
  return std::make_unique<BinaryCopyEncoder>(std::move(columns), std::move(encoding));
}

}  // namespace server::pg
