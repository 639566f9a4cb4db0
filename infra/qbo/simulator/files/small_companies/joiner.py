"""Quill Lane Joinery: orders fell two months ago, its largest customers pay late, and three suppliers are waiting."""

from decimal import Decimal
from typing import Final

from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.small_companies.trade import OneOff, Slump, Trade, numbered_buyers, numbered_suppliers

JOINER: Final = Trade(
    company={
        "CompanyName": "Quill Lane Joinery",
        "LegalName": "Quill Lane Joinery Inc.",
        "Country": "US",
        "FiscalYearStartMonth": "January",
        "TimeZone": "America/Los_Angeles",
        "Email": {"Address": "workshop@quilllane.example"},
    },
    realm_id="9130357992240535",
    accounts={
        profile.CHECKING: "Checking",
        profile.RECEIVABLE: "Accounts Receivable (A/R)",
        profile.UNDEPOSITED: "Undeposited Funds",
        profile.EQUIPMENT: "Workshop Machines",
        profile.PAYABLE: "Accounts Payable (A/P)",
        profile.PAYROLL_TAX: "Payroll Liabilities",
        profile.CAPITAL: "Share Capital",
        profile.DRAWS: "Distributions",
        profile.RETAINED: "Retained Earnings",
        profile.WHOLESALE: "Furniture and Fittings",
        profile.INGREDIENTS: "Timber and Board",
        profile.PACKAGING: "Hardware and Finishes",
        profile.FREIGHT: "Freight In",
        profile.WAGES: "Wages",
        profile.PAYROLL_EXPENSE: "Payroll Taxes",
        profile.RENT: "Rent",
        profile.UTILITIES: "Utilities",
        profile.INSURANCE: "Insurance",
        profile.BANK_FEES: "Bank Charges",
    },
    products=(
        ("1", "Oak shelving, bay", 42_000),
        ("2", "Counter, running foot", 18_500),
        ("3", "Fitting, hour", 7_200),
    ),
    suppliers=numbered_suppliers(
        ("Youngs Bay Timber", profile.INGREDIENTS, 30, 14, 128_000),
        ("Clatsop Board & Veneer", profile.INGREDIENTS, 30, 21, 94_000),
        ("Brass Anchor Hardware", profile.PACKAGING, 15, 14, 46_000),
        ("Saddle Mountain Finishes", profile.PACKAGING, 30, 28, 52_000),
        ("Lower Columbia Freight", profile.FREIGHT, 15, 21, 38_000),
        ("Cannery Pier Properties", profile.RENT, 0, -1, 310_000),
        ("Skipanon Power", profile.UTILITIES, 15, -8, 64_000),
        ("Tongue Point Insurance", profile.INSURANCE, 10, -5, 71_000),
        ("Driftnet Payroll", profile.PAYROLL_TAX, 0, 0, 0),
        ("Bank of the Bar", profile.BANK_FEES, 0, 0, 0),
    ),
    buyers=numbered_buyers(
        ("Marlow & Finch Outfitters", 30, 14, 520_000, 34),
        ("Seaside Hotel Group", 30, 21, 480_000, 46),
        ("Peter Iredale Brewing", 30, 28, 265_000, 9),
        ("Warrenton Library District", 30, 28, 240_000, 4),
        ("Gearhart Kitchens", 15, 14, 150_000, 6),
        ("Uniontown Bookshop", 15, 28, 92_000, 2),
    ),
    payroll_service="Driftnet Payroll",
    bank="Bank of the Bar",
    net_pay=Decimal(4_720),
    payroll_taxes=Decimal(1_480),
    cash_now=Decimal(15_600),
    slump=Slump(
        days=122,
        share_of_orders=0.5,
        unpaid_days=32,
        put_off=("Youngs Bay Timber", "Clatsop Board & Veneer", "Brass Anchor Hardware"),
    ),
    bills=(OneOff("Saddle Mountain Finishes", Decimal("1860.00"), entered_days_ago=20, due_in_days=4),),
)
