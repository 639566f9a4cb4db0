"""Who the demo company is: a wholesale bakery on Puget Sound. All names are invented."""

from dataclasses import dataclass
from typing import Final

from infra.qbo.simulator.files.company_file import Body

COMPANY: Final[Body] = {
    "CompanyName": "Marrow Street Bakehouse",
    "LegalName": "Marrow Street Bakehouse LLC",
    "Country": "US",
    "FiscalYearStartMonth": "January",
    "TimeZone": "America/Los_Angeles",
    "Email": {"Address": "books@marrowstreet.example"},
    "CompanyAddr": {
        "Id": "1",
        "Line1": "418 Marrow Street",
        "City": "Bellingham",
        "CountrySubDivisionCode": "WA",
        "PostalCode": "98225",
        "Country": "USA",
    },
}
REALM_ID: Final = "9130357992240317"

CHECKING, PAYROLL_BANK, SAVINGS, RECEIVABLE, UNDEPOSITED, EQUIPMENT = "1", "2", "3", "4", "5", "6"
PAYABLE, CARD, SALES_TAX, PAYROLL_TAX, LOAN = "7", "8", "9", "10", "11"
CAPITAL, DRAWS, RETAINED = "12", "13", "14"
WHOLESALE, COUNTER, DISCOUNTS, INTEREST_INCOME = "20", "21", "22", "23"
INGREDIENTS, PACKAGING, FREIGHT = "30", "31", "32"
WAGES, PAYROLL_EXPENSE, RENT, UTILITIES, INSURANCE, REPAIRS, VEHICLES, SOFTWARE, MARKETING = (
    "40", "41", "42", "43", "44", "45", "46", "47", "48",
)  # fmt: skip
PROFESSIONAL, OFFICE, BANK_FEES, INTEREST, LICENSES, MEALS, TELEPHONE = "49", "50", "51", "52", "53", "54", "55"
BANKS: Final = (CHECKING, PAYROLL_BANK, SAVINGS)

_CHART: Final = (
    (CHECKING, "Operating Checking", "Bank", "Checking", "Asset"),
    (PAYROLL_BANK, "Payroll Checking", "Bank", "Checking", "Asset"),
    (SAVINGS, "Reserve Savings", "Bank", "Savings", "Asset"),
    (RECEIVABLE, "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable", "Asset"),
    (UNDEPOSITED, "Undeposited Funds", "Other Current Asset", "UndepositedFunds", "Asset"),
    (EQUIPMENT, "Bakery Equipment", "Fixed Asset", "MachineryAndEquipment", "Asset"),
    (PAYABLE, "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable", "Liability"),
    (CARD, "Business Visa", "Credit Card", "CreditCard", "Liability"),
    (SALES_TAX, "Sales Tax Payable", "Other Current Liability", "SalesTaxPayable", "Liability"),
    (PAYROLL_TAX, "Payroll Liabilities", "Other Current Liability", "PayrollTaxPayable", "Liability"),
    (LOAN, "Equipment Loan", "Long Term Liability", "NotesPayable", "Liability"),
    (CAPITAL, "Owner's Capital", "Equity", "OwnersEquity", "Equity"),
    (DRAWS, "Owner's Draws", "Equity", "PartnerDistributions", "Equity"),
    (RETAINED, "Retained Earnings", "Equity", "RetainedEarnings", "Equity"),
    (WHOLESALE, "Wholesale Sales", "Income", "SalesOfProductIncome", "Revenue"),
    (COUNTER, "Counter Sales", "Income", "SalesOfProductIncome", "Revenue"),
    (DISCOUNTS, "Credits and Allowances", "Income", "DiscountsRefundsGiven", "Revenue"),
    (INTEREST_INCOME, "Interest Earned", "Other Income", "InterestEarned", "Revenue"),
    (INGREDIENTS, "Ingredients", "Cost of Goods Sold", "SuppliesMaterialsCogs", "Expense"),
    (PACKAGING, "Packaging", "Cost of Goods Sold", "SuppliesMaterialsCogs", "Expense"),
    (FREIGHT, "Freight In", "Cost of Goods Sold", "ShippingFreightDeliveryCos", "Expense"),
    (WAGES, "Wages", "Expense", "PayrollExpenses", "Expense"),
    (PAYROLL_EXPENSE, "Payroll Taxes", "Expense", "PayrollExpenses", "Expense"),
    (RENT, "Rent", "Expense", "RentOrLeaseOfBuildings", "Expense"),
    (UTILITIES, "Utilities", "Expense", "Utilities", "Expense"),
    (INSURANCE, "Insurance", "Expense", "Insurance", "Expense"),
    (REPAIRS, "Repairs and Maintenance", "Expense", "RepairMaintenance", "Expense"),
    (VEHICLES, "Delivery Vehicles", "Expense", "Auto", "Expense"),
    (SOFTWARE, "Software", "Expense", "OfficeGeneralAdministrativeExpenses", "Expense"),
    (MARKETING, "Marketing", "Expense", "AdvertisingPromotional", "Expense"),
    (PROFESSIONAL, "Professional Fees", "Expense", "LegalProfessionalFees", "Expense"),
    (OFFICE, "Office Supplies", "Expense", "OfficeGeneralAdministrativeExpenses", "Expense"),
    (BANK_FEES, "Bank Charges", "Expense", "BankCharges", "Expense"),
    (INTEREST, "Interest Paid", "Expense", "InterestPaid", "Expense"),
    (LICENSES, "Taxes and Licenses", "Expense", "TaxesPaid", "Expense"),
    (MEALS, "Meals", "Expense", "EntertainmentMeals", "Expense"),
    (TELEPHONE, "Telephone and Internet", "Expense", "Utilities", "Expense"),
)

_TERMS: Final = (("1", "Due on receipt", 0), ("2", "Net 10", 10), ("3", "Net 15", 15), ("4", "Net 30", 30))
TERM_IDS: Final = {days: identifier for identifier, _, days in _TERMS}

COUNTER_ITEM: Final = "15"
PRODUCTS: Final = (
    ("1", "Country loaf, case of 12", 6600), ("2", "Sandwich bread, case of 8", 4160), ("3", "Baguette, dozen", 3000),
    ("4", "Seeded rye, case of 8", 5440), ("5", "Brioche buns, case of 48", 4320), ("6", "Hoagie rolls, case of 36", 2880),
    ("7", "Focaccia, half sheet", 2250), ("8", "Butter croissants, case of 40", 7200), ("9", "Morning buns, case of 24", 5520),
    ("10", "Cookie dough, 10 kg", 6850), ("11", "Pie shells, case of 20", 5900), ("12", "Dinner rolls, case of 72", 3840),
    ("13", "Holiday stollen, case of 6", 9300), ("14", "Delivery", 1500),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Supplier:
    """`cents` is the usual bill; `every_days` zero means no bills (paid at once, or by card)."""

    id: str
    name: str
    account_id: str
    term_days: int
    every_days: int
    cents: int
    follows_sales: bool = False


def _suppliers() -> tuple[Supplier, ...]:
    rows = (
        ("Palouse Grain & Milling", INGREDIENTS, 30, 7, 285000, True),
        ("Skagit Creamery Cooperative", INGREDIENTS, 15, 7, 178000, True),
        ("Cascade Egg Farms", INGREDIENTS, 15, 7, 62000, True),
        ("Rainier Sugar & Spice", INGREDIENTS, 30, 14, 118000, True),
        ("Whidbey Nut Company", INGREDIENTS, 30, 21, 96000, True),
        ("Pacific Chocolate Traders", INGREDIENTS, 30, 28, 134000, True),
        ("Orchard Lane Fruit", INGREDIENTS, 15, 14, 57000, True),
        ("Blue Heron Yeast", INGREDIENTS, 15, 14, 31000, True),
        ("Evergreen Packaging Supply", PACKAGING, 30, 14, 121000, True),
        ("Harbor Labels", PACKAGING, 30, 35, 64000, True),
        ("Peninsula Freight Lines", FREIGHT, 15, 14, 52000, True),
        ("Fairhaven Property Group", RENT, 0, -1, 685000, False),
        ("Nooksack Power & Light", UTILITIES, 15, -6, 164000, False),
        ("Whatcom Natural Gas", UTILITIES, 15, -9, 98000, False),
        ("City of Bellingham Utilities", UTILITIES, 30, -12, 41000, False),
        ("Baker View Waste", UTILITIES, 30, -14, 29500, False),
        ("Salish Mutual Insurance", INSURANCE, 10, -3, 132000, False),
        ("Northline Health Plans", PAYROLL_EXPENSE, 0, -2, 288000, False),
        ("Oven & Mixer Service Co.", REPAIRS, 15, 33, 58000, False),
        ("Chuckanut Refrigeration", REPAIRS, 30, 61, 74000, False),
        ("Bayside Van Leasing", VEHICLES, 0, -5, 142000, False),
        ("Interurban Tire & Brake", VEHICLES, 30, 70, 61000, False),
        ("Lighthouse Bookkeeping", PROFESSIONAL, 15, -8, 78000, False),
        ("Abbott & Rhee CPAs", PROFESSIONAL, 30, 91, 165000, False),
        ("Driftwood Creative", MARKETING, 30, -18, 90000, False),
        ("Mount Erie Linen", OFFICE, 15, 14, 18500, False),
        ("Sehome Pest Control", REPAIRS, 30, -20, 14500, False),
        ("Sound Fiber Internet", TELEPHONE, 15, -11, 23900, False),
        ("Fjord Bakery Equipment", EQUIPMENT, 30, 0, 0, False),
        ("Meridian Safety Supply", OFFICE, 30, 42, 22000, False),
        ("Galbraith Uniforms", OFFICE, 30, 49, 26500, False),
        ("Routewise Software", SOFTWARE, 15, -16, 34900, False),
        ("Tidepool Payroll", PAYROLL_TAX, 0, 0, 0, False),
        ("Washington Dept. of Revenue", LICENSES, 0, 0, 0, False),
        ("Cascadia Community Bank", INTEREST, 0, 0, 0, False),
        ("Lakeway Fuel", VEHICLES, 0, 0, 0, False),
        ("Depot Office & Paper", OFFICE, 0, 0, 0, False),
        ("Samish Hardware", REPAIRS, 0, 0, 0, False),
        ("Cloudberry Apps", SOFTWARE, 0, 0, 0, False),
        ("Holly Street Diner", MEALS, 0, 0, 0, False),
    )
    return tuple(
        Supplier(str(101 + number), name, account, term, every, cents, follows_sales=follows)
        for number, (name, account, term, every, cents, follows) in enumerate(rows)
    )


SUPPLIERS: Final = _suppliers()
BY_NAME: Final = {supplier.name: supplier for supplier in SUPPLIERS}
CARD_SHOPS: Final = (
    ("Lakeway Fuel", 4500, 11000, 10), ("Depot Office & Paper", 2500, 14000, 4), ("Samish Hardware", 1800, 16000, 3),
    ("Cloudberry Apps", 9900, 9900, 1), ("Holly Street Diner", 2200, 8800, 3),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Buyer:
    """`late_days` is the usual delay after the due date; negative is early."""

    id: str
    name: str
    term_days: int
    every_days: int
    cents: int
    late_days: int
    pays_by_check: bool


_GROCERS: Final = (
    "Halvorsen Grocers", "Sunnyland Co-op Market", "Cordata Fresh Foods", "Ferndale Family Market", "Anacortes Pantry",
    "Lynden Corner Grocery", "Birch Bay Provisions", "Everson Farm Store", "Barkley Village Market", "Sudden Valley Store",
    "Mount Vernon Larder", "Burlington Food Hall",
)  # fmt: skip
_CAFES: Final = (
    "Cinder Cone Coffee", "Boulevard Espresso", "The Slow Kettle", "Fogline Cafe", "Taylor Dock Coffee", "Larrabee Roasters",
    "Padden Creek Cafe", "Railroad Avenue Coffee", "Two Ravens Cafe", "Little Anchor Espresso", "Saltgrass Coffee Bar",
    "Old Cannery Cafe", "Harbor Bell Tea Room", "Juniper Street Coffee", "Lookout Coffee Cart", "Marigold Cafe",
    "Ridgeway Roasting", "North Shore Beans", "Blackbird Coffee House", "Lummi View Cafe", "Sparrow & Crumb",
    "Timberline Espresso", "Bellwether Cafe", "Quarry Coffee",
)  # fmt: skip
_KITCHENS: Final = (
    "Dockside Chowder House", "Iron Skillet Diner", "Samish Bay Oyster Bar", "The Copper Hog", "Alder & Ash Kitchen",
    "Mainsail Bistro", "Gooseberry Catering", "Whatcom Falls Lodge", "Chuckanut Manor Inn", "Sehome High School Kitchens",
    "Peace Arch Hotel", "Nooksack River Retreat", "Lakeside Senior Living", "Squalicum Yacht Club", "Red Barn Weddings",
    "Baker Ski Lodge", "Semiahmoo Events", "Fairhaven Burger Works", "Deming Logging Camp Grill", "Guide Meridian Deli",
    "Cornwall Park Concessions", "Orcas Ferry Galley", "Skagit Theatre Bar", "Eldridge House B&B",
)  # fmt: skip
ALWAYS_LATE: Final = "Halvorsen Grocers"


def _buyers() -> tuple[Buyer, ...]:
    buyers = []
    for number, name in enumerate((*_GROCERS, *_CAFES, *_KITCHENS)):
        if number < len(_GROCERS):
            term, every, cents, late = 30, 7, 78000 + number % 5 * 9000, (-3, 2, 5, 9)[number % 4]
        elif number < len(_GROCERS) + len(_CAFES):
            term, every, cents, late = 15, 14, 42000 + number % 7 * 6000, (-2, 1, 3, 6, 12)[number % 5]
        else:
            term, every, cents, late = 30, 21 + number % 3 * 7, 61000 + number % 6 * 11000, (-4, 3, 8, 14)[number % 4]
        if name == ALWAYS_LATE:
            cents, late = 128000, 41
        buyers.append(Buyer(str(201 + number), name, term, every, cents, late, pays_by_check=number % 3 != 1))
    return tuple(buyers)


BUYERS: Final = _buyers()
COUNTER_CUSTOMER: Final = "299"


def account_bodies() -> list[Body]:
    return [
        {"Id": i, "Name": name, "AccountType": kind, "AccountSubType": subtype, "Classification": side, "Active": True}
        for i, name, kind, subtype, side in _CHART
    ]


def term_bodies() -> list[Body]:
    return [{"Id": i, "Name": name, "Type": "STANDARD", "DueDays": days, "Active": True} for i, name, days in _TERMS]


def item_bodies() -> list[Body]:
    rows = [*((i, name, WHOLESALE) for i, name, _ in PRODUCTS), (COUNTER_ITEM, "Counter sales", COUNTER)]
    return [
        {"Id": i, "Name": name, "Type": "Service", "Active": True, "IncomeAccountRef": {"value": account}}
        for i, name, account in rows
    ]


def vendor_bodies() -> list[Body]:
    return [
        {"Id": s.id, "DisplayName": s.name, "Active": True, "TermRef": {"value": TERM_IDS[s.term_days]}}
        for s in SUPPLIERS
    ]


def customer_bodies() -> list[Body]:
    bodies: list[Body] = [
        {"Id": b.id, "DisplayName": b.name, "Active": True, "SalesTermRef": {"value": TERM_IDS[b.term_days]}}
        for b in BUYERS
    ]
    return [*bodies, {"Id": COUNTER_CUSTOMER, "DisplayName": "Counter customers", "Active": True}]
