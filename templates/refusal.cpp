// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/refusal.hpp"

#include "builder/base/places.hpp"
#include "templates/packed_rows.hpp"
#include "templates/row_records.hpp"

namespace imgforge::templates {

std::vector<Refusal> load_refusals(const std::string& file, bool check_patterns) {
    const YamlDocument document = load_row_file(file);
    Diagnostics faults;
    std::vector<Refusal> rows;
    RowReader reader(document, document.root, "", faults, check_patterns);
    reader.mappings("media", [&](RowReader& row) {
        Refusal refusal;
        row.text("product", refusal.product);
        row.text("reason", refusal.reason);
        row.mappings("detect", [&](RowReader& inner) { refusal.detect.push_back(read_detection(inner)); });
        if (refusal.product.empty() || refusal.reason.empty() || refusal.detect.empty())
            row.fault("product", "a refused medium needs 'product', 'reason' and 'detect'");
        rows.push_back(std::move(refusal));
    });
    reader.finish();
    faults.sort();
    faults.throw_if_errors();
    return rows;
}

const std::vector<Refusal>& refusals() {
    static const std::vector<Refusal> rows =
        load_refusals(data_path("templates/refusals.yaml").string(), false);
    return rows;
}

}  // namespace imgforge::templates
