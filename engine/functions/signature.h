// A signature is the text that describes the parameters and the result of a function in the tables
// of functions:
//
//   (INT, STRING name!) -> BIGINT      `!`: a null there is an error of the row
//   (STRING, STRING...) -> STRING      one variadic parameter, anywhere: none or more arguments
//   (ARRAY<T>, T) -> ARRAY<T>          a capital letter stands for any type, one per call
//   (ARRAY<COMPARABLE>) -> COMPARABLE  stands for any scalar type that has an order
//   (DECIMAL) -> DECIMAL               any precision and scale; a result is as wide as all of them
//   (UNIT, INT, DATE) -> DATE          an interval unit; the kernel gets its milliseconds as BIGINT
//   (MAP<K, V>, (K, V) => BOOLEAN) -> MAP<K, V>
//                                      a lambda
//   (T value; INT k) -> ARRAY<T>       aggregates: arguments after the `;` must be literals
//
// A parameter may have a name in lower case after its type, which documentation and errors show.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

enum class PatternKind : uint8_t { Exact, AnyDecimal, Generic, Array, Map, Struct, Lambda, Unit };

// The type of a parameter or a result as a signature writes it, which may contain letters.
struct TypePattern {
  PatternKind kind = PatternKind::Exact;
  SqlType type = {};               // set for Exact
  char letter = 0;                 // set for Generic: the letter; kComparable for COMPARABLE
  std::vector<TypePattern> parts;  // Array: element. Map: key, value. Struct: fields. Lambda: its
                                   // parameters, then its result
  std::vector<std::string> field_names;  // set for Struct

  bool has_generic() const;
  std::string to_string() const;  // in ksqlDB's notation: INT, VARCHAR, ARRAY<T>
};
inline constexpr char kComparable = '<';

struct SignatureParameter {
  TypePattern pattern;
  std::string name;
  bool is_primitive = false;  // written with `!`: only primitive types are accepted
  bool is_variadic = false;
};

struct Signature {
  std::vector<SignatureParameter> parameters;
  // number of parameters before the `;`; all parameters if the signature has none
  size_t column_count = 0;
  TypePattern result;

  // Returns the index of the variadic parameter, or -1.
  int variadic() const;
  // Returns the parameter for argument `index` of `count`; nullptr if this signature does not
  // accept `count` arguments.
  const SignatureParameter* parameter_for(size_t index, size_t count) const;
  // Returns "ARRAY<T> list, INT n".
  std::string parameters_to_string() const;
};

// Parses a signature. Asserts that the text is well formed, because it is from the program's own
// tables.
Signature parse_signature(std::string_view text);

// The types of a signature's generic letters in one call.
class Bindings {
 public:
  // Returns whether `type` fits the pattern. If the pattern contains a letter that has no type yet,
  // the letter gets the type at its place. With `widen`, implicit coercions are allowed.
  bool match(const TypePattern& pattern, const SqlType& type, bool widen);
  // Returns the type that results from the pattern when its letters are replaced by their types;
  // Null for a letter without a type. AnyDecimal becomes the widest DECIMAL that was matched.
  SqlType substitute(const TypePattern& pattern) const;
  const SqlType* find(char letter) const;
  void bind(char letter, SqlType type);

 private:
  bool match_generic(char letter, const SqlType& type, bool widen);

  std::vector<std::pair<char, SqlType>> letters_;
  std::optional<SqlType> decimal_;
};

}  // namespace engine
