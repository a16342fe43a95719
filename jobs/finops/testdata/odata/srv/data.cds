using finops from '../db/schema';

@path: '/data'
service Data {
  @cds.query.limit: { default: 7, max: 7 }
  entity SystemUsers        as projection on finops.Users;
  entity Companies          as projection on finops.Companies;
  entity DocumentParameters as projection on finops.DocumentParameters;
  entity BatchGroups        as projection on finops.BatchGroups;
}
