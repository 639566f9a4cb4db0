// node-quickbooks does its whole work on the simulator and prints what it saw, as JSON.
// node node_quickbooks.mjs INFO_FILE DIRECTORY_WITH_NODE_MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [infoFile, installed] = process.argv.slice(2);
const info = JSON.parse(readFileSync(infoFile));
const QuickBooks = createRequire(join(installed, "package.json"))("node-quickbooks");
const discovered = await (await fetch(info.discovery_url)).json();
QuickBooks.V3_ENDPOINT_BASE_URL = `${info.api_url}/v3/company/`;
QuickBooks.TOKEN_URL = discovered.token_endpoint;
QuickBooks.REVOKE_URL = discovered.revocation_endpoint;

const client = new QuickBooks(
  info.client_id, info.client_secret, info.access_token, false, info.realm_ids[0], true, false, 75, "2.0", info.refresh_token,
);

const told = (error) => ` was refused: ${JSON.stringify(error.response?.data ?? error.message ?? error)}`;
const call = (name, ...given) =>
  new Promise((resolve, reject) => {
    client[name](...given, (error, answer) => (error ? reject(Object.assign(new Error(name + told(error)), { error })) : resolve(answer)));
  });
const refusal = async (name, ...given) => {
  try {
    await call(name, ...given);
    return null;
  } catch ({ error }) {
    const body = error.response ? error.response.data : error;
    const fault = body.Fault ?? body.fault;
    return { status: error.response ? error.response.status : 200, code: (fault?.Error ?? fault?.error)?.[0].code };
  }
};

const expense = (amount) => ({
  Amount: amount,
  DetailType: "AccountBasedExpenseLineDetail",
  AccountBasedExpenseLineDetail: { AccountRef: { value: "6" } },
});
const sale = (amount) => ({ Amount: amount, DetailType: "SalesItemLineDetail", SalesItemLineDetail: { ItemRef: { value: "1" } } });
const bill = (amount) => ({ VendorRef: { value: "56" }, Line: [expense(amount)] });
const invoice = (amount) => ({ CustomerRef: { value: "1" }, Line: [sale(amount)] });
const linked = (amount, id, type) => ({ Amount: amount, LinkedTxn: [{ TxnId: id, TxnType: type }] });

const seen = {};

seen.company = (await call("getCompanyInfo", info.realm_ids[0])).CompanyName;
seen.preferences = (await call("getPreferences")).CurrencyPrefs.HomeCurrency.value;
seen.vendors = (await call("findVendors", { limit: 1, offset: 2, asc: "Id" })).QueryResponse.Vendor.map((v) => v.DisplayName);
seen.every = (await call("findVendors", { fetchAll: true, limit: 1 })).QueryResponse.Vendor.length;
seen.apostrophe = (await call("findCustomers", { DisplayName: "Amy's Birds" })).QueryResponse.Customer.length;
seen.several = (await call("findVendors", { Id: ["56", "57"] })).QueryResponse.Vendor.length;
seen.like = (await call("findVendors", [{ field: "DisplayName", value: "Norton%", operator: "LIKE" }])).QueryResponse.Vendor.length;
seen.count = (await call("findAccounts", [{ count: true }])).QueryResponse.totalCount;

const since = new Date(Date.now() - 300_000);
const made = await call("createBill", { ...bill(12.34), requestId: "node-bill-1" });
const replayed = await call("createBill", { ...bill(12.34), requestId: "node-bill-1" });
seen.created = { total: made.TotalAmt, token: made.SyncToken, replayed: replayed.Id === made.Id };
const updated = await call("updateBill", { ...made, PrivateNote: "whole" });
seen.updated = { token: updated.SyncToken, note: updated.PrivateNote, lines: updated.Line.length };
seen.stale = await refusal("updateBill", { ...made, PrivateNote: "late" });
const vendor = await call("updateVendor", { Id: "57", SyncToken: "0", CompanyName: "Bessie" });
seen.sparse = [vendor.CompanyName, vendor.DisplayName];

const paid = await call("createBill", bill(50));
const billPayment = await call("createBillPayment", {
  VendorRef: { value: "56" }, TotalAmt: 50, PayType: "Check",
  CheckPayment: { BankAccountRef: { value: "1" } }, Line: [linked(50, paid.Id, "Bill")],
});
seen.paid = { balance: (await call("getBill", paid.Id)).Balance, link: (await call("getBill", paid.Id)).LinkedTxn[0].TxnId === billPayment.Id };

const sold = await call("createInvoice", invoice(80));
const payment = await call("createPayment", { CustomerRef: { value: "1" }, TotalAmt: 80, Line: [linked(80, sold.Id, "Invoice")] });
const voidedPayment = await call("voidPayment", { Id: payment.Id, SyncToken: payment.SyncToken });
seen.voidedPayment = { total: voidedPayment.TotalAmt, balance: (await call("getInvoice", sold.Id)).Balance };
await call("voidInvoice", sold.Id);
seen.voidedInvoice = (await call("getInvoice", sold.Id)).TotalAmt;
seen.pdf = Buffer.from(await call("getInvoicePdf", sold.Id)).subarray(0, 4).toString();
seen.sent = (await call("sendInvoicePdf", sold.Id, "amy@example.com")).EmailStatus;

seen.deleted = (await call("deleteBill", made.Id)).Bill.status;
seen.gone = await refusal("getBill", made.Id);
seen.invalid = await refusal("createBill", {});
seen.unread = await refusal("findBills", " where");

const changes = (await call("changeDataCapture", ["Bill", "Invoice"], since)).CDCResponse[0].QueryResponse;
seen.changes = {
  deleted: changes[0].Bill.filter((each) => each.Id === made.Id).map((each) => each.status),
  invoices: changes[1].Invoice.length,
};

const batch = (await call("batch", [
  { bId: "1", operation: "create", Vendor: { DisplayName: "Node Supplies" } },
  { bId: "2", operation: "create", Vendor: { DisplayName: "Norton Lumber" } },
  { bId: "3", Query: "select * from Vendor where Id = '57'" },
])).BatchItemResponse;
seen.batch = [batch[0].Vendor.DisplayName, batch[1].Fault.Error[0].code, batch[2].QueryResponse.Vendor[0].DisplayName];

const report = await call("reportAgedPayables", { aging_method: "Current" });
seen.report = { name: report.Header.ReportName, parts: Object.keys(report).sort() };
seen.reports = [];
for (const name of ["BalanceSheet", "ProfitAndLoss", "TrialBalance", "CashFlow", "AgedReceivables", "GeneralLedgerDetail", "AgedPayableDetail"]) {
  seen.reports.push((await call(`report${name}`, { accounting_method: "Accrual" })).Header.ReportName);
}

const tokens = await call("refreshAccessToken");
seen.refreshed = tokens.expires_in;
seen.afterRefresh = (await call("getVendor", "56")).DisplayName;
await call("revokeAccess", false);
client.token = tokens.access_token;
seen.revoked = (await refusal("getVendor", "56")).status;

console.log(JSON.stringify(seen));
