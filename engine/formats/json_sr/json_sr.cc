#include "engine/formats/json_sr/json_sr.h"

#include "engine/formats/foreign_payload.h"
#include "engine/formats/json/json_reader.h"
#include "engine/formats/json/json_writer.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

namespace {

class JsonSrReader final : public Reader {
 public:
  explicit JsonSrReader(std::unique_ptr<Reader> json) : json_(std::move(json)) {}

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override {
    texts_.assign(payloads.begin(), payloads.end());
    std::vector<size_t> headless;
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (!texts_[i] || take_schema_header(*texts_[i])) continue;
      texts_[i].reset();
      headless.push_back(i);
    }
    json_->read(texts_, outs, status);
    for (const size_t row : headless)
      status.fail(row,
                  "the record does not begin with a zero byte and the id of its schema: it was not "
                  "written by a serializer of this format" +
                      std::string(guessed_format(*payloads[row])));
  }

 private:
  const std::unique_ptr<Reader> json_;
  std::vector<std::optional<std::string_view>> texts_;  // a member, so that its memory is reused
};

class JsonSrWriter final : public Writer {
 public:
  JsonSrWriter(std::unique_ptr<Writer> json, int32_t id) : json_(std::move(json)), id_(id) {}

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    texts_.clear();
    json_->write(columns, rows, present, texts_);
    for (size_t row = 0; row < texts_.size(); ++row) {
      const auto text = texts_[row];
      if (text) {
        append_schema_header(out.bytes, id_);
        out.bytes += *text;
      }
      out.close(text.has_value());
    }
    for (RowProblem& problem : texts_.problems) out.problems.push_back(std::move(problem));
  }

 private:
  const std::unique_ptr<Writer> json_;
  const int32_t id_;
  EncodedRows texts_;  // a member, so that its memory is reused
};

}  // namespace

std::unique_ptr<Reader> make_json_sr_reader(std::span<const ColumnDef> columns,
                                            std::vector<bool> needed, bool wrapped) {
  return std::make_unique<JsonSrReader>(make_json_reader(columns, std::move(needed), wrapped));
}

std::unique_ptr<Writer> make_json_sr_writer(std::span<const ColumnDef> columns, int32_t id,
                                            bool wrapped, Side side) {
  return std::make_unique<JsonSrWriter>(make_json_writer(columns, wrapped, side), id);
}

}  // namespace engine
